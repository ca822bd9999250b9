// The main function of every program of unit tests. Each program is linked with the objects of the
// rooms that its file tests, so that one which uses another room does not link (csrc/Makefile).
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
