#include "tangram/tangent/operators.hpp"

#include <algorithm>

namespace tangram {

void begin(const Contribution& to) {
    if (to.adds) return;
    for (Index i = 0; i < to.S.rows; ++i) std::fill_n(to.S.row(i), to.S.cols, 0.0);
}

const OperatorRoutines& routines_of(const Operator& op) {
    struct Table {
        const OperatorRoutines& operator()(const Dense&) const { return operators::dense_routines; }
        const OperatorRoutines& operator()(const Activate&) const { return operators::activate_routines; }
        const OperatorRoutines& operator()(const Add&) const { return operators::add_routines; }
        const OperatorRoutines& operator()(const Mul&) const { return operators::mul_routines; }
        const OperatorRoutines& operator()(const Power&) const { return operators::power_routines; }
        const OperatorRoutines& operator()(const Softmax&) const { return operators::softmax_routines; }
        const OperatorRoutines& operator()(const Parameter&) const { return operators::parameter_routines; }
        const OperatorRoutines& operator()(const Constant&) const { return operators::constant_routines; }
        const OperatorRoutines& operator()(const Apply&) const { return operators::apply_routines; }
        const OperatorRoutines& operator()(const Arrange&) const { return operators::arrange_routines; }
        const OperatorRoutines& operator()(const Combine&) const { return operators::combine_routines; }
        const OperatorRoutines& operator()(const Largest&) const { return operators::largest_routines; }
        const OperatorRoutines& operator()(const MatMul&) const { return operators::matmul_routines; }
        const OperatorRoutines& operator()(const Convolve&) const { return operators::convolve_routines; }
        const OperatorRoutines& operator()(const Standardize&) const {
            return operators::standardize_routines;
        }
        const OperatorRoutines& operator()(const Lookup&) const { return operators::lookup_routines; }
        const OperatorRoutines& operator()(const Compare&) const { return operators::compare_routines; }
        const OperatorRoutines& operator()(const Choose&) const { return operators::choose_routines; }
        const OperatorRoutines& operator()(const Stored&) const { return operators::stored_routines; }
    };
    return std::visit(Table{}, op);
}

}  // namespace tangram
