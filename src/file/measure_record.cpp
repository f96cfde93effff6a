#include "tangram/file/measure_record.hpp"

#include "tangram/file/derived_file.hpp"

namespace tangram {

namespace {

std::string path_of(const std::string& name) {
    return std::string(measures_group) + "/" + name;
}

}  // namespace

void write_measures(const h5::Handle& file, const MeasureRecord& measures) {
    write_attributes(h5::create_group(file, measures_group), measures.attributes);
    h5::write_dataset(file, path_of("name"), measures.names);
    if (!measures.classes.empty()) h5::write_dataset(file, path_of("class"), measures.classes);
    for (const MeasureRecord::Values& one : measures.values) {
        h5::write_dataset(file, path_of(one.name), one.values, one.shape);
        h5::write_attribute(h5::open_dataset(file, path_of(one.name)), "long_name", one.meaning);
    }
}

void name_measures(const h5::Handle& file, const MeasureRecord& measures) {
    const auto make_scale = [&](const char* name) {
        if (h5::exists(file, path_of(name))) h5::make_scale(h5::open_dataset(file, path_of(name)), name);
    };
    for (const char* name : {"name", "class"}) make_scale(name);
    for (const MeasureRecord::Values& one : measures.values) {
        const h5::Handle dataset = h5::open_dataset(file, path_of(one.name));
        for (std::size_t axis = 0; axis < one.axes.size(); ++axis)
            h5::attach_scale(dataset, static_cast<Index>(axis), h5::open_dataset(file, one.axes[axis]));
    }
}

}  // namespace tangram
