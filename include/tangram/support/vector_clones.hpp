#pragma once
// A function compiled for several lengths of vectors.
//
// The hot loops are compiled for several vector lengths, and the processor's own is taken when the program
// starts. Products and sums are never fused (-ffp-contract=off), so the bits are the same in all of them.
// Sanitizers do not live with functions that are chosen so early.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define TANGRAM_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TANGRAM_VECTOR_CLONES
#endif
