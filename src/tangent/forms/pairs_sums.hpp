#pragma once
// The sum over pairs of positions of one sub-block (pairs.cpp):
//
//   H[ir, js] += sum over p, q of F[pri, qsj] sum over t of P[i p+t, j q+t]
//
//   P (places m_I, places m_J)      F (T R_I m_I, T R_J m_J)      H (m_I R', m_J R') from the first rows r and s on

#include "pairs_block.hpp"

namespace tangram::forms {

/// Samples and rows of J of one side.
struct SideOfPairs {
    Index samples = 0, first_row = 0, rows = 0;
};

template <class T>
struct PairProducts {
    const SubBlock& of;
    SideOfPairs row, column;
    ConstMatrixView<T> P, F;
};

template <class T>
void add_pairs(const PairProducts<T>& in, const PairsMemory<T>& memory, MatrixView<T> H);

}  // namespace tangram::forms
