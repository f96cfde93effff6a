#pragma once
// From the options to the rows of J: which outputs, combinations or losses count, and what they need of the samples. Private
// to run/.

#include "tangram/run/inputs.hpp"

namespace tangram {

/// Throws Error(usage) where the options that choose rows contradict each other, or lack labels or targets.
void validate_reduction(const KernelOptions& options);

/// Of a network with so many outputs; without targets yet. Throws Error(usage) where it has not those that the options name.
Reduction choose_reduction(const KernelOptions& options, Index outputs);

/// Throws Error(bad_input), naming the sample, where its label or targets are none for this reduction.
void require_targets_fit(const Reduction& reduction, const InputSet& set);

/// Hands the set's labels or targets to a reduction that is measured against them.
void give_targets(const InputSet& set, Reduction& reduction);

/// What the user should be told of this reduction of this network.
std::vector<std::string> notes_of(const Reduction& reduction, const Network& network);

}  // namespace tangram
