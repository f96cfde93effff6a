#include "tangram/output/npy.hpp"

#include "tangram/model/location.hpp"
#include "tangram/model/text.hpp"
#include "tangram/support/error.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <filesystem>
#include <functional>
#include <numeric>
#include <regex>

namespace tangram {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr Index longest_header = Index{1} << 20;

template <class Stored>
double decode(const unsigned char* bytes, bool swap) {
    std::array<unsigned char, sizeof(Stored)> own{};
    std::copy_n(bytes, sizeof(Stored), own.begin());
    if (swap) std::reverse(own.begin(), own.end());
    return static_cast<double>(std::bit_cast<Stored>(own));
}

using Decode = double (*)(const unsigned char*, bool);

/// nullptr for a dtype that is no real number.
Decode decoder(const std::string& dtype) {
    const std::string kind = dtype.substr(1);
    if (kind == "f8") return &decode<double>;
    if (kind == "f4") return &decode<float>;
    if (kind == "i8") return &decode<std::int64_t>;
    if (kind == "i4") return &decode<std::int32_t>;
    if (kind == "i2") return &decode<std::int16_t>;
    if (kind == "i1") return &decode<std::int8_t>;
    if (kind == "u1") return &decode<std::uint8_t>;
    return nullptr;
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
    fail(ExitCode::bad_input, "{} ({}): save the kernel with numpy.save() as float32 or float64", what, path);
}

}  // namespace

NpyFile::NpyFile(const std::string& path) : path_(path) {
    require_readable_file(path);
    file_ = open_file(path, O_RDONLY);
    const auto size = static_cast<Index>(std::filesystem::file_size(path));
    std::array<unsigned char, 12> start{};
    if (size < 12) refuse(path, "not a .npy file");
    file_.read_at(start.data(), 12, 0);
    if (std::memcmp(start.data(), magic.data(), magic.size()) != 0) refuse(path, "not a .npy file");
    const bool is_first = start[6] == 1;  // its header's length has two bytes, later ones' four
    Index length = start[8] + 256 * start[9];
    if (!is_first) length += (Index{start[10]} << 16) + (Index{start[11]} << 24);
    const Index header_begin = is_first ? 10 : 12;
    data_begin_ = header_begin + length;
    if (length > longest_header || data_begin_ > size)
        refuse(path, "a .npy file that is cut off, or damaged");
    std::string header(at(length), ' ');
    file_.read_at(header.data(), length, header_begin);
    parse_header(header);
    Index entries = 1;
    for (const Index extent : shape_) {
        if (__builtin_mul_overflow(entries, extent, &entries))
            refuse(path, "a .npy file with a damaged header");
    }
    Index bytes = 0;
    if (__builtin_mul_overflow(entries, entry_bytes_, &bytes) || data_begin_ + bytes != size) {
        refuse(path,
               fmt::format("a .npy file of {} bytes, where its header needs {}", size, data_begin_ + bytes));
    }
}

void NpyFile::parse_header(const std::string& header) {
    static const std::regex dtype("'descr': *'([<>|=][a-z][0-9]+)'");
    static const std::regex order("'fortran_order': *(True|False)");
    static const std::regex shape("'shape': *\\(([0-9, ]*)\\)");
    std::smatch found;
    if (!std::regex_search(header, found, dtype)) refuse(path_, "a .npy file of structured values");
    dtype_ = found[1];
    if (decoder(dtype_) == nullptr) refuse(path_, fmt::format("a .npy file of dtype {}", dtype_));
    entry_bytes_ = dtype_.back() - '0';
    if (!std::regex_search(header, found, order)) refuse(path_, "a .npy file with a damaged header");
    column_major_ = found[1] == "True";
    if (!std::regex_search(header, found, shape)) refuse(path_, "a .npy file with a damaged header");
    for (const std::string& extent : split_list(found[1].str())) {
        if (extent.empty()) continue;
        if (extent.size() > 15) refuse(path_, "a .npy file with a damaged header");
        shape_.push_back(std::stoll(extent));
    }
}

void NpyFile::read_box(std::span<const Index> start, std::span<const Index> count, double* out) const {
    // Axes from the slowest in the file to the fastest: in column-major order the last axis is the slowest.
    const auto axes = static_cast<Index>(shape_.size());
    std::vector<std::size_t> slowest_first(shape_.size());
    std::iota(slowest_first.begin(), slowest_first.end(), std::size_t{0});
    if (column_major_) std::reverse(slowest_first.begin(), slowest_first.end());
    std::vector<Index> file_step(shape_.size(), 1), out_step(shape_.size(), 1);
    for (Index k = axes - 2; k >= 0; --k) {
        const std::size_t inner = slowest_first[at(k + 1)];
        file_step[slowest_first[at(k)]] = file_step[inner] * shape_[inner];
        out_step[at(k)] = out_step[at(k + 1)] * count[at(k + 1)];
    }
    const std::size_t fastest = slowest_first.back();
    std::vector<unsigned char> run(at(count[fastest] * entry_bytes_));
    const Decode value_of = decoder(dtype_);
    const bool swap = dtype_.front() == '>';
    // Runs along the fastest axis, one for each combination of the others.
    const std::function<void(std::size_t, Index, double*)> walk = [&](std::size_t depth, Index offset,
                                                                      double* to) {
        const std::size_t axis = slowest_first[depth];
        if (axis == fastest) {
            const Index first = offset + start[axis];
            file_.read_at(run.data(), static_cast<Index>(run.size()), data_begin_ + first * entry_bytes_);
            for (Index k = 0; k < count[axis]; ++k)
                to[k * out_step[axis]] = value_of(run.data() + k * entry_bytes_, swap);
            return;
        }
        for (Index k = 0; k < count[axis]; ++k)
            walk(depth + 1, offset + (start[axis] + k) * file_step[axis], to + k * out_step[axis]);
    };
    walk(0, 0, out);
}

}  // namespace tangram
