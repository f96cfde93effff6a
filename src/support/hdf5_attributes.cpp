// Reading of attributes; writing them is in hdf5_data.cpp.

#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"

#include <algorithm>
#include <cstring>

namespace tangram::h5 {

namespace {

herr_t collect_attribute(hid_t, const char* name, const H5A_info_t*, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

/// The attribute, which must hold one value of class `wanted`.
Handle open_attribute(const Handle& object, const std::string& name, H5T_class_t wanted) {
    Handle attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
    if (!attribute.valid()) fail(ExitCode::io, "no attribute {}", name);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const Handle space(H5Aget_space(attribute.get()), H5Sclose);
    if (H5Tget_class(type.get()) != wanted || H5Sget_simple_extent_npoints(space.get()) != 1) {
        fail(ExitCode::io, "the attribute {} is of another kind", name);
    }
    return attribute;
}

template <class T>
T read_number(const Handle& object, const std::string& name, H5T_class_t wanted, hid_t memory_type) {
    const Handle attribute = open_attribute(object, name, wanted);
    T value{};
    if (H5Aread(attribute.get(), memory_type, &value) < 0)
        fail(ExitCode::io, "reading the attribute {} failed: {}", name, last_error());
    return value;
}

/// Texts that are padded to a length of the type's.
std::vector<std::string> texts_of_one_length(const Handle& attribute, const Handle& type, std::size_t count) {
    const std::size_t length = H5Tget_size(type.get());
    std::vector<char> bytes(count * length);
    require(H5Aread(attribute.get(), type.get(), bytes.data()), "reading an attribute");
    std::vector<std::string> texts;
    for (std::size_t k = 0; k < count; ++k)
        texts.emplace_back(bytes.data() + k * length, strnlen(bytes.data() + k * length, length));
    return texts;
}

}  // namespace

std::vector<std::string> attribute_names(const Handle& object) {
    std::vector<std::string> names;
    require(H5Aiterate2(object.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_attribute, &names),
            "listing attributes");
    std::sort(names.begin(), names.end());
    return names;
}

bool has_attribute(const Handle& object, const std::string& name) {
    return H5Aexists(object.get(), name.c_str()) > 0;
}

bool has_text_attribute(const Handle& object, const std::string& name) {
    if (!has_attribute(object, name)) return false;
    const Handle attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    return attribute.valid() && H5Tget_class(type.get()) == H5T_STRING;
}

std::string read_text_attribute(const Handle& object, const std::string& name) {
    const Handle attribute = open_attribute(object, name, H5T_STRING);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    if (H5Tis_variable_str(type.get()) <= 0) fail(ExitCode::io, "the attribute {} is of another kind", name);
    char* text = nullptr;
    if (H5Aread(attribute.get(), type.get(), &text) < 0)
        fail(ExitCode::io, "reading the attribute {} failed: {}", name, last_error());
    std::string value = text == nullptr ? "" : text;
    H5free_memory(text);
    return value;
}

std::vector<std::string> read_texts_attribute(const Handle& object, const std::string& name) {
    const Handle attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
    if (!attribute.valid()) fail(ExitCode::io, "no attribute {}", name);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const Handle space(H5Aget_space(attribute.get()), H5Sclose);
    if (H5Tget_class(type.get()) != H5T_STRING)
        fail(ExitCode::io, "the attribute {} is of another kind", name);
    const auto count =
        static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.get())));
    if (H5Tis_variable_str(type.get()) <= 0) return texts_of_one_length(attribute, type, count);
    std::vector<char*> texts(count, nullptr);
    if (H5Aread(attribute.get(), type.get(), texts.data()) < 0)
        fail(ExitCode::io, "reading the attribute {} failed: {}", name, last_error());
    std::vector<std::string> values;
    for (char* text : texts) {
        values.emplace_back(text == nullptr ? "" : text);
        H5free_memory(text);
    }
    return values;
}

Index read_integer_attribute(const Handle& object, const std::string& name) {
    return read_number<Index>(object, name, H5T_INTEGER, H5T_NATIVE_INT64);
}

std::uint64_t read_unsigned_attribute(const Handle& object, const std::string& name) {
    return read_number<std::uint64_t>(object, name, H5T_INTEGER, H5T_NATIVE_UINT64);
}

double read_real_attribute(const Handle& object, const std::string& name) {
    return read_number<double>(object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE);
}

}  // namespace tangram::h5
