// A bias alone. The gradient of (i, r) is b S_ir.
//
//   K[B] = b^2 H

#include "sensitivities.hpp"

namespace tangram::forms {

namespace {

template <class T>
StepGrams<T> prepare(const StepTile<T>& tile, const GramScratch<T>& scratch) {
    return sensitivity_gram(tile, scratch, 0, tile.prepared.factors[0]);
}

template <class T>
bool add(const StepGrams<T>& grams, Start start, MatrixView<T> total) {
    if (grams.number_H) return add_number(grams.bias, start, total);
    return add_scaled(grams.H, grams.bias, T{0}, start, total);
}

template <class T>
void fill_tensor(const StepGrams<T>& grams, std::size_t /*which*/, MatrixView<T> out) {
    if (grams.number_H)
        fill(grams.bias, out);
    else
        scale_into(grams.H, grams.bias, out);
}

template <class T>
void own_numbers(const OwnFeatures<T>& own, std::vector<NamedNumber>& numbers) {
    const double factor = own.prepared.factors[0];
    const double H = largest_own_H(own);
    numbers.push_back({"squared scale of", factor});
    numbers.push_back({"squared norm of the sensitivity at", H});
    numbers.push_back({"diagonal kernel entry of", factor * H});
}

template <class T>
void add_own_block(const OwnFeatures<T>& own, std::size_t /*which*/, MatrixView<double> block) {
    add_own_H(own, own.prepared.factors[0], block);
}

template <class T>
void fill_entries(const FeatureView& /*f*/, const Step& step, std::size_t which, Index /*i*/, const double* s,
                  const EntryRun& run, T* out) {
    fill_added(step.tensors[which], s, run, out);
}

void add_squares(const FeatureView& f, const Step& step, std::size_t which, double* squares) {
    add_squares_of_added(f, step, step.tensors[which], squares);
}

void transposed_action(const FeatureView& f, const Step& step, Index first, ConstMatrixView<double> y,
                       const StepParameters& out) {
    const Matrix<double> D = weighted_sensitivities(f, step, first, y);
    add_columns(D.view(), step.tensors[0], out[0]);
}

void action(const FeatureView& f, const Step& step, Index first, const StepParameters& u,
            std::vector<Matrix<double>>& y) {
    add_action_of_added(f, step, step.tensors[0], first, u[0], y[0]);
}

double size(const FeatureView& f, const Step& step) {
    const Matrix<double> squares = squared_sensitivities(f, step, step.tensors[0].scale);
    double sum = 0;
    for (Index k = 0; k < squares.size(); ++k) sum += squares.data()[k];
    return sum;
}

}  // namespace

const FormFacts plain_facts{.name = "plain", .operations_of_pair = operations_of_sensitivities};

template <class T>
const TileRoutines<T>& plain_tiles() {
    static constexpr TileRoutines<T> routines{prepare<T>, add<T>, fill_tensor<T>, own_numbers<T>,
                                              add_own_block<T>};
    return routines;
}

template const TileRoutines<float>& plain_tiles();
template const TileRoutines<double>& plain_tiles();

const JacobianRoutines plain_jacobian{
    fill_entries<double>, fill_entries<float>, add_squares, transposed_action, action, size};

}  // namespace tangram::forms
