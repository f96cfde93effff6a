#include "tangram/regression/choices.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <cmath>
#include <limits>

namespace tangram {

std::vector<double> parse_ridges(const std::vector<std::string>& texts, double mean_diagonal) {
    std::vector<double> ridges;
    for (const std::string& text : texts) {
        const bool is_relative = text.ends_with('m');
        const auto value = parse_number(is_relative ? text.substr(0, text.size() - 1) : text);
        if (!value || *value < 0) {
            fail(
                ExitCode::usage,
                "--ridge {} is no ridge: give numbers from 0 on, 1e-4m for so much of the mean diagonal, or auto",
                printable(text));
        }
        const double ridge = is_relative ? *value * mean_diagonal : *value;
        if (!std::isfinite(ridge)) fail(ExitCode::usage, "--ridge {} is too large a number", printable(text));
        ridges.push_back(ridge);
    }
    return ridges;
}

std::vector<double> parse_times(const std::vector<std::string>& texts, const std::string& option) {
    std::vector<double> times;
    for (const std::string& text : texts) {
        const auto value =
            text == "inf" ? std::numeric_limits<double>::infinity() : parse_number(text).value_or(-1);
        if (!(value >= 0))
            fail(ExitCode::usage, "{} {} is no time: give numbers from 0 on, or inf", option,
                 printable(text));
        times.push_back(value);
    }
    return times;
}

double time_factor(const std::string& loss, Index numbers) {
    if (loss == "sum") return 1;
    return (loss == "mse" ? 2.0 : 1.0) / static_cast<double>(numbers);
}

}  // namespace tangram
