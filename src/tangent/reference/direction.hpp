#pragma once
// A direction u of a parameter tensor with n entries, each +-1/sqrt(n), made when it is asked for.

#include "tangram/support/matrix.hpp"
#include "tangram/support/random.hpp"

namespace tangram::reference {

/// u: entry by entry, in the tensor's row-major order.
struct Direction {
    std::uint64_t stream = 0;
    double length = 0;  ///< of an entry: 1 / sqrt(n)
    double operator()(Index entry) const {
        return length * random_sign(stream, static_cast<std::uint64_t>(entry));
    }
};

}  // namespace tangram::reference
