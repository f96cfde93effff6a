#include "tangram/file/measure_record.hpp"

#include "tangram/file/derived_file.hpp"

namespace tangram {

namespace {

std::string path_of(const MeasureRecord& measures, const std::string& name) {
    return measures.group + "/" + name;
}

}  // namespace

void write_measures(const h5::Handle& file, const MeasureRecord& measures) {
    write_attributes(h5::create_group(file, measures.group), measures.attributes);
    for (const MeasureRecord::Scale& scale : measures.scales)
        h5::write_dataset(file, path_of(measures, scale.name), scale.values);
    for (const MeasureRecord::Values& one : measures.values) {
        const std::string path = path_of(measures, one.name);
        h5::write_dataset(file, path, one.values, one.shape);
        h5::write_attribute(h5::open_dataset(file, path), "long_name", one.meaning);
    }
}

void name_measures(const h5::Handle& file, const MeasureRecord& measures) {
    for (const MeasureRecord::Scale& scale : measures.scales)
        h5::make_scale(h5::open_dataset(file, path_of(measures, scale.name)), scale.name);
    for (const MeasureRecord::Values& one : measures.values) {
        const h5::Handle dataset = h5::open_dataset(file, path_of(measures, one.name));
        for (std::size_t axis = 0; axis < one.axes.size(); ++axis)
            h5::attach_scale(dataset, static_cast<Index>(axis), h5::open_dataset(file, one.axes[axis]));
    }
}

}  // namespace tangram
