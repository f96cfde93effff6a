#pragma once
// The one place where a 64-bit size becomes the int that BLAS and MPI take.

#include "tangram/support/error.hpp"
#include "tangram/support/matrix.hpp"

#include <limits>
#include <string_view>

namespace tangram {

/// `value` as an int. `what` names the quantity in the error that a value of 2^31 or more throws.
inline int narrow(Index value, std::string_view what) {
    if (value < 0 || value > std::numeric_limits<int>::max()) {
        fail(ExitCode::no_resources,
             "{} = {} does not fit the 32-bit interface of BLAS and MPI: use a smaller --tile", what, value);
    }
    return static_cast<int>(value);
}

}  // namespace tangram
