// The numbers of an ONNX tensor. They lie in raw_data, little-endian, or one by one in the list of their kind: float_data,
// double_data, int64_data, uint64_data (also of UINT32), int32_data (whole numbers of up to 32 bits, and the bits of the 16-bit
// floating-point formats).

#include "messages.hpp"
#include "tangram/support/half.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

namespace tangram::onnx_file {

namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian and read as it lies");

constexpr std::array<const char*, 27> data_type_names{
    "UNDEFINED", "FLOAT",      "UINT8",      "INT8",         "UINT16",         "INT16",      "INT32",
    "INT64",     "STRING",     "BOOL",       "FLOAT16",      "DOUBLE",         "UINT32",     "UINT64",
    "COMPLEX64", "COMPLEX128", "BFLOAT16",   "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ",
    "UINT4",     "INT4",       "FLOAT4E2M1", "FLOAT8E8M0",   "UINT2",          "INT2"};

constexpr const char* use_plain_types = "export the model with FLOAT weights";

std::vector<Index> shape_of(const Place& place, const onnx::TensorProto& tensor) {
    if (tensor.dims_size() > most_axes)
        refuse(place,
               fmt::format("it has {} axes, more than the {} that are read", tensor.dims_size(), most_axes));
    std::vector<Index> shape(tensor.dims().begin(), tensor.dims().end());
    Index room = 1;  // also where an axis is empty, so that no product of some axes overflows later
    for (const Index extent : shape) {
        if (extent < 0) refuse(place, fmt::format("the shape {} has a negative size", shape_text(shape)));
        if (__builtin_mul_overflow(room, std::max<Index>(extent, 1), &room) ||
            room > std::numeric_limits<Index>::max() / 8)
            refuse(place, fmt::format("the shape {} overflows", shape_text(shape)));
    }
    return shape;
}

/// Refuses where the numbers are twice, elsewhere, of another kind, or not as many as the shape says. `n_listed` are in the list
/// of the tensor's own kind.
void check_layout(const Place& place, const onnx::TensorProto& tensor, const std::vector<Index>& shape,
                  int n_listed, std::size_t bytes_each) {
    const std::string kind =
        fmt::format("shape {} and type {}", shape_text(shape), data_type_name(tensor.data_type()));
    const Index all_listed = Index{tensor.float_data_size()} + tensor.int32_data_size() +
                             tensor.int64_data_size() + tensor.double_data_size() +
                             tensor.uint64_data_size() + tensor.string_data_size();
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
        refuse(place, "its numbers are in another file, which was not read");
    if (tensor.has_segment()) refuse(place, "it is one segment of a tensor", "store it whole");
    if (all_listed != n_listed) refuse(place, fmt::format("of {}, it holds numbers of another type", kind));
    if (!tensor.raw_data().empty() && n_listed > 0)
        refuse(place, fmt::format("of {}, it holds numbers twice, in raw_data and in a list", kind));
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    if (n_listed > 0 && n_listed != size)
        refuse(place, fmt::format("of {}, it needs {} numbers and holds {}", kind, size, n_listed));
    const Index bytes = size * static_cast<Index>(bytes_each);
    if (n_listed == 0 && static_cast<Index>(tensor.raw_data().size()) != bytes)
        refuse(place,
               fmt::format("of {}, it needs {} bytes and holds {}", kind, bytes, tensor.raw_data().size()));
}

/// Numbers that are `Stored` in raw_data, or else in `list`.
template <class Stored, class List, class Convert>
std::vector<double> numbers_of(const Place& place, const onnx::TensorProto& tensor,
                               const std::vector<Index>& shape, const List& list, Convert convert) {
    check_layout(place, tensor, shape, list.size(), sizeof(Stored));
    std::vector<double> values;
    values.reserve(list.empty() ? tensor.raw_data().size() / sizeof(Stored) : at(list.size()));
    for (const auto listed : list) {
        if constexpr (std::integral<Stored>) {
            if (!std::in_range<Stored>(listed))
                refuse(place,
                       fmt::format("{} is no number of type {}", listed, data_type_name(tensor.data_type())));
        }
        values.push_back(convert(static_cast<Stored>(listed)));
    }
    const std::string& raw = tensor.raw_data();
    for (std::size_t begin = 0; begin < raw.size(); begin += sizeof(Stored)) {
        Stored stored;
        std::memcpy(&stored, raw.data() + begin, sizeof(Stored));
        values.push_back(convert(stored));
    }
    return values;
}

/// Whole numbers as doubles; INT64's ends and what exporters write a little within them, which mean "to the end", as the
/// largest that are read.
template <class Whole>
double exactly(const Place& place, Whole number) {
    constexpr Index most = Index{1} << 53;
    if constexpr (std::same_as<Whole, std::int64_t>) {
        constexpr Whole little = 4096;
        if (number >= std::numeric_limits<Whole>::max() - little) return most;
        if (number <= std::numeric_limits<Whole>::min() + little) return -most;
    }
    if (std::cmp_greater(number, most) || std::cmp_less(number, -most))
        refuse(place, fmt::format("the whole number {} is beyond 2^53", number), "use smaller ones");
    return static_cast<double>(number);
}

std::vector<double> values_of(const Place& place, const onnx::TensorProto& tensor,
                              const std::vector<Index>& shape) {
    using Proto = onnx::TensorProto;
    const auto widen = [](auto number) { return static_cast<double>(number); };
    const auto whole = [&](auto number) { return exactly(place, number); };
    const auto read = [&]<class Stored>(Stored, const auto& list, auto convert) {
        return numbers_of<Stored>(place, tensor, shape, list, convert);
    };
    switch (tensor.data_type()) {
        case Proto::FLOAT:
            return read(float{}, tensor.float_data(), widen);
        case Proto::DOUBLE:
            return read(double{}, tensor.double_data(), widen);
        case Proto::FLOAT16:
            return read(std::uint16_t{}, tensor.int32_data(), from_half);
        case Proto::BFLOAT16:
            return read(std::uint16_t{}, tensor.int32_data(), from_bfloat);
        case Proto::BOOL:
            return read(std::uint8_t{}, tensor.int32_data(), [](auto flag) { return flag == 0 ? 0.0 : 1.0; });
        case Proto::INT8:
            return read(std::int8_t{}, tensor.int32_data(), whole);
        case Proto::UINT8:
            return read(std::uint8_t{}, tensor.int32_data(), whole);
        case Proto::INT16:
            return read(std::int16_t{}, tensor.int32_data(), whole);
        case Proto::UINT16:
            return read(std::uint16_t{}, tensor.int32_data(), whole);
        case Proto::INT32:
            return read(std::int32_t{}, tensor.int32_data(), whole);
        case Proto::INT64:
            return read(std::int64_t{}, tensor.int64_data(), whole);
        case Proto::UINT32:
            return read(std::uint32_t{}, tensor.uint64_data(), whole);
        default:  // type_of() has refused all others
            return read(std::uint64_t{}, tensor.uint64_data(), whole);
    }
}

}  // namespace

std::string data_type_name(int data_type) {
    const auto number = static_cast<std::size_t>(data_type);  // negative ones are beyond the end too
    return number < data_type_names.size() ? data_type_names[number] : fmt::format("data type {}", data_type);
}

Type type_of(const Place& place, int data_type) {
    using Proto = onnx::TensorProto;
    switch (data_type) {
        case Proto::FLOAT:
        case Proto::DOUBLE:
        case Proto::FLOAT16:
        case Proto::BFLOAT16:
            return Type::number;
        case Proto::BOOL:
            return Type::boolean;
        case Proto::INT8:
        case Proto::UINT8:
        case Proto::INT16:
        case Proto::UINT16:
        case Proto::INT32:
        case Proto::UINT32:
        case Proto::INT64:
        case Proto::UINT64:
            return Type::integer;
        default:
            refuse(place, fmt::format("tensors of type {} are not read", data_type_name(data_type)),
                   use_plain_types);
    }
}

Tensor read_tensor(const Place& place, const onnx::TensorProto& tensor) {
    const Type type = type_of(place, tensor.data_type());
    const std::vector<Index> shape = shape_of(place, tensor);
    return {tensor.name(), shape, type, values_of(place, tensor, shape)};
}

}  // namespace tangram::onnx_file
