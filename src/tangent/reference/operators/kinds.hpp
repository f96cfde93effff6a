#pragma once
// Which kind of operator defines what; see operators.hpp, which calls these, for what it is and for the shapes. A
// kind without tensors has no gradient and no rate, a smooth one no kink.

#include "../operators.hpp"

namespace tangram::reference {

// z = a W x + b B: tensor 0 is W, tensor 1 is B
void forward(const Dense& dense, const Operands& in, MatrixView<double> z);
Vector magnitudes(const Dense& dense, const Operands& in);
void pull_back(const Dense& dense, const Operands& in, ConstMatrixView<double> D_z,
               std::span<const MatrixView<double>> D_x);
void gradient(const Dense& dense, const Operands& in, std::size_t tensor, std::span<const double> d,
              double* J);
void add_rate(const Dense& dense, const Operands& in, std::size_t tensor, const Direction& u,
              MatrixView<double> rate);

// x = c phi(z)
void forward(const Activate& activate, const Operands& in, MatrixView<double> x);
void pull_back(const Activate& activate, const Operands& in, ConstMatrixView<double> D_x,
               std::span<const MatrixView<double>> D_z);
bool crosses_kink(const Activate& activate, const Operands& middle, const Operands& ends);
bool branches_differ(const Activate& activate, const Operands& here, const Operands& there);
void add_inherited(const Activate& activate, const Operands& in, std::span<const std::span<const double>> z,
                   std::span<double> x);

// s = x + b y
void forward(const Add& add, const Operands& in, MatrixView<double> s);
Vector magnitudes(const Add& add, const Operands& in);
void pull_back(const Add& add, const Operands& in, ConstMatrixView<double> D_s,
               std::span<const MatrixView<double>> D_xy);
void add_inherited(const Add& add, const Operands& in, std::span<const std::span<const double>> xy,
                   std::span<double> s);

// p = x o y
void forward(const Mul& mul, const Operands& in, MatrixView<double> p);
Vector magnitudes(const Mul& mul, const Operands& in);
void pull_back(const Mul& mul, const Operands& in, ConstMatrixView<double> D_p,
               std::span<const MatrixView<double>> D_xy);
void add_inherited(const Mul& mul, const Operands& in, std::span<const std::span<const double>> xy,
                   std::span<double> p);

// p = x^y
void forward(const Power& power, const Operands& in, MatrixView<double> p);
Vector magnitudes(const Power& power, const Operands& in);
void pull_back(const Power& power, const Operands& in, ConstMatrixView<double> D_p,
               std::span<const MatrixView<double>> D_xy);
bool crosses_kink(const Power& power, const Operands& middle, const Operands& ends);
void add_inherited(const Power& power, const Operands& in, std::span<const std::span<const double>> xy,
                   std::span<double> p);

// x = c p(z) or c log p(z)
void forward(const Softmax& softmax, const Operands& in, MatrixView<double> x);
Vector magnitudes(const Softmax& softmax, const Operands& in);
void pull_back(const Softmax& softmax, const Operands& in, ConstMatrixView<double> D_x,
               std::span<const MatrixView<double>> D_z);
void pull_back_magnitudes(const Softmax& softmax, const Operands& in, ConstMatrixView<double> D_x,
                          std::span<const MatrixView<double>> D_z);
void add_inherited(const Softmax& softmax, const Operands& in, std::span<const std::span<const double>> z,
                   std::span<double> x);

// y = theta
void forward(const Parameter& parameter, const Operands& in, MatrixView<double> y);
void pull_back(const Parameter& parameter, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
void gradient(const Parameter& parameter, const Operands& in, std::size_t tensor, std::span<const double> d,
              double* J);
void add_rate(const Parameter& parameter, const Operands& in, std::size_t tensor, const Direction& u,
              MatrixView<double> rate);

// y: its numbers
void forward(const Constant& constant, const Operands& in, MatrixView<double> y);
void pull_back(const Constant& constant, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);

// y = f(x)
void forward(const Apply& apply, const Operands& in, MatrixView<double> y);
Vector magnitudes(const Apply& apply, const Operands& in);
void pull_back(const Apply& apply, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
bool crosses_kink(const Apply& apply, const Operands& middle, const Operands& ends);
bool branches_differ(const Apply& apply, const Operands& here, const Operands& there);
void add_inherited(const Apply& apply, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y);

// y_j = x_from(j)
void forward(const Arrange& arrange, const Operands& in, MatrixView<double> y);
void pull_back(const Arrange& arrange, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
void add_inherited(const Arrange& arrange, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y);

// y_j = sum over its window of weight x_from
void forward(const Combine& combine, const Operands& in, MatrixView<double> y);
Vector magnitudes(const Combine& combine, const Operands& in);
void pull_back(const Combine& combine, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
void pull_back_magnitudes(const Combine& combine, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_x);
void add_inherited(const Combine& combine, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y);

// y_j = the largest x_from of its window
void forward(const Largest& largest, const Operands& in, MatrixView<double> y);
void pull_back(const Largest& largest, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
bool crosses_kink(const Largest& largest, const Operands& middle, const Operands& ends);
bool branches_differ(const Largest& largest, const Operands& here, const Operands& there);
void add_inherited(const Largest& largest, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y);

// y = c A B
void forward(const MatMul& matmul, const Operands& in, MatrixView<double> y);
Vector magnitudes(const MatMul& matmul, const Operands& in);
void pull_back(const MatMul& matmul, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_AB);
void pull_back_magnitudes(const MatMul& matmul, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_AB);

// y_o = sum over i, k of w_oik x_i(..)
void forward(const Convolve& convolve, const Operands& in, MatrixView<double> y);
Vector magnitudes(const Convolve& convolve, const Operands& in);
void pull_back(const Convolve& convolve, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_xw);
void pull_back_magnitudes(const Convolve& convolve, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_xw);

// y = (x - mean) / sqrt(variance + epsilon)
void forward(const Standardize& standardize, const Operands& in, MatrixView<double> y);
Vector magnitudes(const Standardize& standardize, const Operands& in);
void pull_back(const Standardize& standardize, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
void pull_back_magnitudes(const Standardize& standardize, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_x);
void add_inherited(const Standardize& standardize, const Operands& in,
                   std::span<const std::span<const double>> x, std::span<double> y);

// y_k = table row id_k: the table is input 1, or tensor 0
void forward(const Lookup& lookup, const Operands& in, MatrixView<double> y);
void pull_back(const Lookup& lookup, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
void gradient_of_units(const Lookup& lookup, const Operands& in, std::span<const double> d, Index first_unit,
                       std::span<double> J);
void add_rate(const Lookup& lookup, const Operands& in, std::size_t tensor, const Direction& u,
              MatrixView<double> rate);
void add_inherited(const Lookup& lookup, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y);

// y_o = g_o . theta, theta zero
void forward(const Stored& stored, const Operands& in, MatrixView<double> y);
void pull_back(const Stored& stored, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
void gradient_of_units(const Stored& stored, const Operands& in, std::span<const double> d, Index first_unit,
                       std::span<double> J);

// y = 1 where x, y are in the relation
void forward(const Compare& compare, const Operands& in, MatrixView<double> y);
void pull_back(const Compare& compare, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
bool crosses_kink(const Compare& compare, const Operands& middle, const Operands& ends);

// y = x where c, y elsewhere
void forward(const Choose& choose, const Operands& in, MatrixView<double> y);
void pull_back(const Choose& choose, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);
void add_inherited(const Choose& choose, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y);

}  // namespace tangram::reference
