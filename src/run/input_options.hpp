#pragma once
// The options of a kernel run that say what goes in: networks, samples, labels. Those that say what comes out, and how, are in
// kernel_options.cpp. Private to run/.

#include "tangram/run/kernel_options.hpp"

namespace tangram {

/// --model, --factors.
void add_source_options(CLI::App& app, KernelOptions& o);
/// What a file of tensors does not say, and which of its tensors count.
void add_network_options(CLI::App& app, KernelOptions& o);
void add_sample_options(CLI::App& app, KernelOptions& o);
/// What belongs to the samples, one row each.
void add_label_options(CLI::App& app, KernelOptions& o);
void add_expected_outputs_option(CLI::App& app, KernelOptions& o);
/// The same of the test samples.
void add_test_set_options(CLI::App& app, KernelOptions& o);
void add_test_label_options(CLI::App& app, KernelOptions& o);

}  // namespace tangram
