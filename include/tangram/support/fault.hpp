#pragma once
// Where tests let the program fail: a place in the run that a fault can be injected at. The program itself has none:
// its fault_point() does nothing. The test build's (tests/faults/fault.cpp) reads
//
//   TANGRAM_FAULT=phase:rank[:kind]
//
//   throw       (default) an exception                 enospc      the error of a full disk
//   kill        SIGKILL                                nan         in the numbers of the phase
//   unreserve   the space reserved for the file is lost to another file

#include <span>
#include <string_view>

namespace tangram {

/// The run has come to `phase` on `rank`. `values` are numbers of that phase, which a fault may spoil; `path` is the
/// file that it writes.
void fault_point(std::string_view phase, int rank, std::span<double> values = {}, const char* path = nullptr);

}  // namespace tangram
