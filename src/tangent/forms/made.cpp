// A weight on positions p = 1..T whose rows of J are made where they are multiplied, a block of parameters at a time for a
// group of panels (product/tile_groups.cpp). The gradient of (i, r) is c sum over p of s_irp x_ip^T.
//
//   H = J_I J_J^T, J (n, R P_t) or (n R, P_t) for full           K[W] = c^2 H           added and filled as of form plain

#include "positions.hpp"

namespace tangram::forms {

const FormFacts made_facts{
    .name = "rows made", .needs_input = true, .operations_of_pair = [](const PairSizes& sizes) {
        return sizes.Q * sizes.parameters;
    }};

template <class T>
const TileRoutines<T>& made_tiles() {
    static constexpr MakingRoutines<T> making{blocks_of_weight, make_block<T>};
    static const TileRoutines<T> routines{nullptr,
                                          plain_tiles<T>().add,
                                          plain_tiles<T>().fill,
                                          own_numbers_on_positions<T>,
                                          add_own_block_on_positions<T>,
                                          &making};
    return routines;
}

template const TileRoutines<float>& made_tiles();
template const TileRoutines<double>& made_tiles();

}  // namespace tangram::forms
