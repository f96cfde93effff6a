#pragma once
// What a kernel run tells people: the plan when it starts (stderr) or of a dry run (stdout), the result when it
// ends (stdout).

#include "tangram/run/kernel_run.hpp"

#include <string>

namespace tangram {

/// Panels, tiles, grid, bytes to disk.
std::string describe_plan(const Run& run);

/// The whole plan of a run: tiles, memory of the rank with the most, disk, operations, and the time that they
/// take at `rate` floating point operations a second of all ranks, `wide_rate` in float64.
std::string plan_table(const Run& run, double rate, double wide_rate);

/// The finished file, its checks and what it took; `measures`: the table of what was measured, "" for none.
std::string summary(const Run& run, const CheckReport& report, const Timing& timing, const std::string& path,
                    Index file_bytes, const std::string& measures);

}  // namespace tangram
