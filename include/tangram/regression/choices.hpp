#pragma once
// Ridges and times as the user gives them.
//
//   ridge   1e-3      as it is, not times N            time   2.5, inf
//           1e-4m     times the mean diagonal of K     steps  S of full-batch descent at rate eta: t = eta S
//
// Time tau is that of df/dtau = -K (f - Y), which descends on 1/2 sum |f - y|^2. Of another loss
//
//   sum         1/2 sum over N and C of (f - y)^2      tau = t
//   mean-half   1/2 the mean                           tau = t / (N C)      neural-tangents' predict.gradient_descent_mse
//   mse         the mean                               tau = 2 t / (N C)    PyTorch's MSELoss

#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Throws Error(usage) on what is none, or negative.
std::vector<double> parse_ridges(const std::vector<std::string>& texts, double mean_diagonal);

/// Numbers, or "inf". Throws Error(usage); `option` names the list.
std::vector<double> parse_times(const std::vector<std::string>& texts, const std::string& option);

/// tau of one unit of t. `numbers`: N C.
double time_factor(const std::string& loss, Index numbers);

}  // namespace tangram
