// Labels and expected outputs: which rows of them belong to the samples.

#include "input_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
using namespace tangram;
using test::counting;
using test::error_of;
using test::Inputs;
using test::Numbers;
using test::put;
using test::says;

namespace {

std::string label_refusal(const std::string& location, const SampleSelection& selection) {
    return error_of(ExitCode::bad_input, [&] { read_labels(location, selection); });
}

std::string output_refusal(const std::string& location, const SampleSelection& selection,
                           MatrixView<double> out) {
    return error_of(ExitCode::bad_input, [&] { read_expected_outputs(location, selection, 0, out); });
}

}  // namespace

TEST_CASE("labels follow the selection, or are in its order already") {
    const Inputs inputs;
    {
        const h5::Handle file = inputs.reopen();
        put(file, "y", H5T_STD_U8LE, {10}, {0, 10, 20, 30, 40, 50, 60, 70, 80, 90});
        put(file, "column", H5T_IEEE_F32LE, {10, 1}, {0, .5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5});
        put(file, "own", H5T_STD_I64LE, {3}, {7, 8, 9});
        put(file, "wrong", H5T_STD_I64LE, {4}, {7, 8, 9, 10});
        put(file, "wide", H5T_STD_I64LE, {10, 2}, counting(20));
        put(file, "nan", H5T_IEEE_F32LE, {3}, {0, std::nan(""), 1});
        put(file, "list", H5T_STD_I64LE, {3}, {9, 0, 4});
    }
    SampleOptions options = inputs.samples();
    options.indices = inputs.at("list");
    const SampleSelection selection = select_samples(options, 6);
    CHECK(read_labels(inputs.at("y"), selection).values == Numbers{90, 0, 40});
    CHECK(read_labels(inputs.at("y"), selection).integers);
    CHECK(read_labels(inputs.at("column"), selection).values == Numbers{4.5, 0, 2});
    CHECK_FALSE(read_labels(inputs.at("column"), selection).integers);
    CHECK(read_labels(inputs.at("own"), selection).values == Numbers{7, 8, 9});
    CHECK(says(label_refusal(inputs.at("wrong"), selection), "4 labels"));
    CHECK(says(label_refusal(inputs.at("wrong"), selection),
               "give 10, one for each row of the samples' dataset, or 3"));
    CHECK(says(label_refusal(inputs.at("wide"), selection), "not one number a sample"));
    CHECK(says(label_refusal(inputs.at("nan"), selection), "row 1, column 0 holds nan"));
    CHECK(says(label_refusal(inputs.at("z"), selection), "no such dataset for the labels"));
}

TEST_CASE("expected outputs follow the selection and say how precise they are") {
    const Inputs inputs;
    {
        const h5::Handle file = inputs.reopen();
        put(file, "all", H5T_IEEE_F32LE, {10, 2}, counting(20));
        put(file, "own", H5T_IEEE_F64LE, {5, 2}, counting(10), {2, 2});
        put(file, "single", H5T_IEEE_F64LE, {10}, counting(10));
        put(file, "images", H5T_IEEE_F64LE, {10, 2, 1}, counting(20));
        put(file, "short", H5T_IEEE_F64LE, {4, 2}, counting(8));
    }
    SampleOptions options = inputs.samples();
    options.rows = "4:9";
    const SampleSelection selection = select_samples(options, 6);
    Matrix<double> two(2, 2);
    CHECK(read_expected_outputs(inputs.at("all"), selection, 3, two.view()));
    CHECK(Numbers(two.data(), two.data() + 4) == Numbers{14, 15, 16, 17});
    CHECK_FALSE(read_expected_outputs(inputs.at("own"), selection, 3, two.view()));
    CHECK(Numbers(two.data(), two.data() + 4) == Numbers{6, 7, 8, 9});
    Matrix<double> one(3, 1);
    CHECK_FALSE(read_expected_outputs(inputs.at("single"), selection, 1, one.view()));
    CHECK(Numbers(one.data(), one.data() + 3) == Numbers{5, 6, 7});
    CHECK(says(output_refusal(inputs.at("single"), selection, two.view()),
               "2 outputs (" + inputs.at("single") + ", (10))"));
    CHECK(says(output_refusal(inputs.at("all"), selection, one.view()), "1 outputs"));
    CHECK(says(output_refusal(inputs.at("images"), selection, two.view()), "(10, 2, 1)"));
    CHECK(says(output_refusal(inputs.at("short"), selection, two.view()), "4 expected outputs"));
}
