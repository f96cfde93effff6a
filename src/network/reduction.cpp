#include "tangram/network/reduction.hpp"

#include "tangram/support/error.hpp"

namespace tangram {

Index Reduction::sensitivities() const {
    if (kind == ReductionKind::rows) return rows_of_sample;
    return kind == ReductionKind::sum || kind == ReductionKind::logit ? 1 : outputs;
}

Index Reduction::rows_per_sample() const {
    return is_full() ? outputs : 1;
}

double Reduction::factor() const {
    return kind == ReductionKind::mean ? 1.0 / static_cast<double>(outputs) : 1.0;
}

double Reduction::weight(Index sample, Index r, Index output) const {
    switch (kind) {
        case ReductionKind::rows:
            return (*by_sample)(sample * rows_of_sample + r, output);
        case ReductionKind::sum:
            return 1.0;
        case ReductionKind::logit:
            return output == logit ? 1.0 : 0.0;
        default:
            return output == r ? 1.0 : 0.0;
    }
}

ReductionKind parse_reduction(const std::string& name) {
    if (name == "trace") return ReductionKind::trace;
    if (name == "mean") return ReductionKind::mean;
    if (name == "sum") return ReductionKind::sum;
    if (name == "full") return ReductionKind::full;
    fail(ExitCode::usage,
         "unknown reduction '{}': use trace, mean, sum or full, or --logit K for a single output", name);
}

std::string to_string(ReductionKind kind) {
    switch (kind) {
        case ReductionKind::trace:
            return "trace";
        case ReductionKind::mean:
            return "mean";
        case ReductionKind::sum:
            return "sum";
        case ReductionKind::full:
            return "full";
        case ReductionKind::logit:
            return "logit";
        case ReductionKind::rows:
            return "rows";
    }
    fail(ExitCode::failed, "a reduction without a name");
}

}  // namespace tangram
