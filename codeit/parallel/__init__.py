"""Work on several threads, and in several processes that act as one."""
