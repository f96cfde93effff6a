#pragma once
// Datasets of HDF5 files, for input_dataset.cpp.

#include "tangram/input/input_dataset.hpp"

#include <span>
#include <string>
#include <vector>

namespace tangram {

/// Opens `input.location`; a name that was left out is chosen where only one can be meant.
void open_hdf5_input(InputDataset& input, const std::string& what);

/// Whether all lie along one axis: (N), (N, 1), (1, N).
bool is_list(std::span<const Index> shape);

/// The texts of a dataset that is a list; nothing where there is no such dataset, or none of texts.
std::vector<std::string> read_hdf5_texts(const FileAndName& place);

}  // namespace tangram
