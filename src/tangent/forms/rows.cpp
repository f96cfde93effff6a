// A parameter tensor that comes into the graph as a value, used in whatever way: its sensitivity is the gradient itself, held
// as rows of J. S_ir (P_t)
//
//   K = S S^T = J J^T                          as of form plain, whose routines these are

#include "sensitivities.hpp"

namespace tangram::forms {

const FormFacts rows_facts{.name = "rows", .operations_of_pair = operations_of_sensitivities};

}  // namespace tangram::forms
