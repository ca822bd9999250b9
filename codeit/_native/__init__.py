"""The C++ core: arrays in, arrays out. The packages around it hold the decisions."""
