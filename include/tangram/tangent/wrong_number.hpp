#pragma once
// A number that goes wrong on its way through the network, so that no kernel can be made of it, and where: in
// which layer, at which sample, at which tensor. Who knows the files can say which ones (samples are counted from
// the first of the run, the tensor is named as in the model).

#include "tangram/support/error.hpp"
#include "tangram/support/matrix.hpp"

#include <string>

namespace tangram {

struct WrongNumber {
    std::string what;    ///< "the activation of layer fc1 is inf"
    std::string tensor;  ///< "fc1.weight, (128, 64), unit 3"
    Index sample = 0;
    std::string advice;
};

class WrongNumberError : public Error {
public:
    explicit WrongNumberError(WrongNumber number)
        : Error(ExitCode::bad_input, fmt::format("{} ({}; sample {}): {}", number.what, number.tensor,
                                                 number.sample, number.advice)),
          number_(std::move(number)) {}
    [[nodiscard]] const WrongNumber& number() const { return number_; }

private:
    WrongNumber number_;
};

}  // namespace tangram
