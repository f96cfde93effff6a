// The tests of what threads share, alone: neither MPI nor OpenMP, whose threads ThreadSanitizer does not understand.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
