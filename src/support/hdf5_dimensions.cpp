// Named dimensions by HDF5's high-level library.

#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"

#include <hdf5_hl.h>

namespace tangram::h5 {

void make_scale(const Handle& dataset, const std::string& name) {
    require(H5DSset_scale(dataset.get(), name.c_str()), "naming the dimension " + name);
}

void attach_scale(const Handle& dataset, Index axis, const Handle& scale) {
    require(H5DSattach_scale(dataset.get(), scale.get(), static_cast<unsigned>(axis)),
            "giving a dataset its named dimensions");
}

void detach_scales(const Handle& dataset) {
    // Their other end may be gone, so that H5DSdetach_scale would not do.
    constexpr const char* scales_of_axes = "DIMENSION_LIST";
    if (H5Aexists(dataset.get(), scales_of_axes) > 0)
        require(H5Adelete(dataset.get(), scales_of_axes), "forgetting the named dimensions of a dataset");
}

}  // namespace tangram::h5
