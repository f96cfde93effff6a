// The ONNX standard's operator cases on both paths: outputs and derivatives. Prints a line a case and ends with 1 if one fails.
//
//   tangram_operator_cases CASES.h5 [PART OF A NAME]       CASES.h5: tests/reference/onnx_operator_cases.py
//
//   ok   test_softmax_axis_0   outputs 6e-08 6e-08   derivatives 1e-16 3e-11
//
//   outputs       of the features and of the reference from the expected ones, of the largest or 1: the case's tolerance
//   derivatives   J of the features from the reference's, 1e-10 of the largest; the reference's from differences, 1e-6; "constant"
//                 for outputs that depend on no input; "n undecided": tensors of parameters at a kink, or too steep to tell

#include "comparison.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/tangent/reference/finite_difference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

/// What is wrong with one network of the case, "" where nothing is.
std::string fault_of(const Differences& found, double tolerance) {
    if (!(found.batched <= tolerance)) return "outputs of the features";
    if (!(found.reference <= tolerance)) return "outputs of the reference";
    if (!(found.between <= jacobian_tolerance)) return "derivatives of the features";
    if (!(found.finite <= finite_difference_tolerance)) return "derivatives of the reference";
    return "";
}

struct Result {
    Differences worst{};
    std::vector<std::string> faults{};
};

void compare_variant(const Case& its, const Variant& variant, Result& result) {
    for (const Array& output : its.outputs) {
        CaseNetwork made = make_network(its, variant, output.name);
        if (made.shape != output.shape) {
            result.faults.push_back(fmt::format("{} is ({}), not ({})", output.name,
                                                fmt::join(made.shape, ", "), fmt::join(output.shape, ", ")));
            continue;
        }
        if (made.shared || output.values.empty()) continue;
        const Differences found = compare(std::move(made), output.values);
        keep_worst(result.worst, found);
        const std::string fault = fault_of(found, its.tolerance);
        if (!fault.empty())
            result.faults.push_back(fmt::format("{} of {} where {}", fault, output.name, variant.name));
    }
}

Result run(const h5::Handle& file, const std::string& name) {
    Result result;
    try {
        const Case its = read_case(file, name);
        for (const Variant& variant : variants_of(its)) compare_variant(its, variant, result);
    } catch (const std::exception& error) {
        result.faults.emplace_back(error.what());
    }
    return result;
}

std::string derivatives_of(const Differences& worst) {
    if (worst.constant) return "constant";
    const std::string numbers = fmt::format("{:.0e} {:.0e}", worst.between, worst.finite);
    return worst.undecided > 0 ? fmt::format("{} {} undecided", numbers, worst.undecided) : numbers;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "tangram_operator_cases CASES.h5 [PART OF A NAME]\n";
        return 2;
    }
    h5::initialize();
    blas::set_blas_threads(1);
    const h5::Handle file = h5::open_readonly(argv[1]);
    int cases = 0, failed = 0;
    for (const std::string& name : case_names(file)) {
        if (argc > 2 && name.find(argv[2]) == name.npos) continue;
        const Result result = run(file, name);
        ++cases;
        failed += result.faults.empty() ? 0 : 1;
        std::cout << fmt::format("{:<4} {:<60} outputs {:.0e} {:.0e}   derivatives {}\n",
                                 result.faults.empty() ? "ok" : "FAIL", name, result.worst.batched,
                                 result.worst.reference, derivatives_of(result.worst));
        for (const std::string& fault : result.faults) std::cout << "       " << fault << "\n";
    }
    std::cout << fmt::format("{} of {} cases agree\n", cases - failed, cases);
    return failed == 0 && cases > 0 ? 0 : 1;
}
