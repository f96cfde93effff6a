#include "tangram/support/number_array.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/half.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <functional>

namespace tangram {

namespace {

constexpr Index piece_entries = Index{1} << 18;

template <class Stored>
Stored decode(const unsigned char* bytes, bool swap) {
    std::array<unsigned char, sizeof(Stored)> own{};
    std::copy_n(bytes, sizeof(Stored), own.begin());
    if (swap) std::reverse(own.begin(), own.end());
    return std::bit_cast<Stored>(own);
}

/// `count` entries that follow each other in the file, `step` apart in `out`.
template <class Stored, class Convert>
void decode_run(const unsigned char* bytes, Index count, bool swap, double* out, Index step,
                Convert convert) {
    for (Index k = 0; k < count; ++k)
        out[k * step] = convert(decode<Stored>(bytes + k * Index{sizeof(Stored)}, swap));
}

void decode_run(const ElementType& type, const unsigned char* bytes, Index count, double* out, Index step) {
    const bool swap = type.big_endian != (std::endian::native == std::endian::big);
    const auto as = [&]<class Stored>(Stored, auto convert) {
        decode_run<Stored>(bytes, count, swap, out, step, convert);
    };
    const auto plain = [](auto value) { return static_cast<double>(value); };
    if (type.kind == ElementKind::real) {
        if (type.bytes == 2) return as(std::uint16_t{}, from_half);
        return type.bytes == 4 ? as(float{}, plain) : as(double{}, plain);
    }
    if (type.kind == ElementKind::boolean)
        return as(std::uint8_t{}, [](std::uint8_t value) { return value == 0 ? 0.0 : 1.0; });
    switch (type.bytes) {
        case 1:
            return type.is_signed ? as(std::int8_t{}, plain) : as(std::uint8_t{}, plain);
        case 2:
            return type.is_signed ? as(std::int16_t{}, plain) : as(std::uint16_t{}, plain);
        case 4:
            return type.is_signed ? as(std::int32_t{}, plain) : as(std::uint32_t{}, plain);
        default:
            return type.is_signed ? as(std::int64_t{}, plain) : as(std::uint64_t{}, plain);
    }
}

/// One axis of a box, as the file and as the caller walk along it.
struct Walk {
    Index start, count, extent;
    Index file_step, out_step;  ///< entries from one index to the next
};

/// The axes of a box from the slowest in the file to the fastest. Axes that are read whole and lie alike in the file and in
/// `out` become one, so that full rows are one run.
std::vector<Walk> plan_walk(std::span<const Index> shape, std::span<const Index> start,
                            std::span<const Index> count, bool column_major) {
    std::vector<Walk> walk(shape.size());
    Index out_step = 1;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
        walk[axis] = {start[axis], count[axis], shape[axis], 1, out_step};
        out_step *= count[axis];
    }
    if (column_major) std::reverse(walk.begin(), walk.end());
    for (std::size_t axis = walk.size(); axis-- > 1;)
        walk[axis - 1].file_step = walk[axis].file_step * walk[axis].extent;
    while (walk.size() > 1) {
        const Walk fast = walk.back();
        Walk& slow = walk[walk.size() - 2];
        if (fast.count != fast.extent || slow.out_step != fast.out_step * fast.count) break;
        slow = {slow.start * fast.extent, slow.count * fast.extent, slow.extent * fast.extent, fast.file_step,
                fast.out_step};
        walk.pop_back();
    }
    return walk;
}

/// Appends a code point as UTF-8; what is none becomes '?'.
void append_utf8(std::string& text, std::uint32_t point) {
    const auto byte = [&](std::uint32_t value) {
        text += static_cast<char>(static_cast<unsigned char>(value));
    };
    if (point < 0x80) {
        byte(point);
    } else if (point < 0x800) {
        byte(0xc0U | point >> 6U);
        byte(0x80U | (point & 0x3fU));
    } else if (point < 0x10000) {
        byte(0xe0U | point >> 12U);
        byte(0x80U | (point >> 6U & 0x3fU));
        byte(0x80U | (point & 0x3fU));
    } else if (point < 0x110000) {
        byte(0xf0U | point >> 18U);
        byte(0x80U | (point >> 12U & 0x3fU));
        byte(0x80U | (point >> 6U & 0x3fU));
        byte(0x80U | (point & 0x3fU));
    } else {
        text += '?';
    }
}

/// One text of `type`, without the zeros that fill it up.
std::string decode_text(const ElementType& type, const unsigned char* bytes) {
    std::string text;
    if (!type.wide_text) {
        text.assign(reinterpret_cast<const char*>(bytes), at(type.bytes));
    } else {
        for (Index k = 0; k + 4 <= type.bytes; k += 4)
            append_utf8(text, decode<std::uint32_t>(bytes + k, type.big_endian));
    }
    text.erase(text.find_last_not_of('\0') + 1);  // npos + 1 == 0
    return text;
}

}  // namespace

NumberArray::NumberArray(ByteSource bytes, Index data_begin, ElementType type, std::vector<Index> shape,
                         bool column_major)
    : bytes_(std::move(bytes)),
      data_begin_(data_begin),
      type_(type),
      shape_(std::move(shape)),
      column_major_(column_major) {
    Index needed = type_.bytes;
    bool overflows = false;
    for (const Index extent : shape_)
        overflows |= extent < 0 || __builtin_mul_overflow(needed, extent, &needed);
    overflows |= __builtin_add_overflow(needed, data_begin, &needed);
    if (!overflows && bytes_.may_hold(needed)) return;
    fail(ExitCode::bad_input, "an array whose file is not as long as its header says ({}, {}): save it again",
         bytes_.path(), shape_text(shape_));
}

void NumberArray::read_box(std::span<const Index> start, std::span<const Index> count, double* out) const {
    assert(start.size() == shape_.size() && count.size() == shape_.size() && type_.kind != ElementKind::text);
    if (std::find(count.begin(), count.end(), 0) != count.end()) return;
    std::vector<Walk> walk = plan_walk(shape_, start, count, column_major_);
    if (walk.empty()) walk.push_back({0, 1, 1, 1, 1});  // a single value
    const Walk run = walk.back();
    std::vector<unsigned char> piece(at(std::min(run.count, piece_entries) * type_.bytes));
    // One run along the fastest axis for each combination of the others.
    const std::function<void(std::size_t, Index, double*)> visit = [&](std::size_t depth, Index offset,
                                                                       double* to) {
        const Walk& axis = walk[depth];
        if (depth + 1 < walk.size()) {
            for (Index k = 0; k < axis.count; ++k)
                visit(depth + 1, offset + (axis.start + k) * axis.file_step, to + k * axis.out_step);
            return;
        }
        for (Index done = 0; done < run.count; done += piece_entries) {
            const Index entries = std::min(piece_entries, run.count - done);
            bytes_.read_at(piece.data(), entries * type_.bytes,
                           data_begin_ + (offset + run.start + done) * type_.bytes);
            decode_run(type_, piece.data(), entries, to + done * run.out_step, run.out_step);
        }
    };
    visit(0, 0, out);
}

std::vector<std::string> NumberArray::read_texts() const {
    assert(type_.kind == ElementKind::text);
    Index count = 1;
    for (const Index extent : shape_) count *= extent;
    std::vector<std::string> texts;
    if (count == 0) return texts;  // then nothing in the file backs the length of a text
    std::vector<unsigned char> bytes(at(type_.bytes));
    for (Index k = 0; k < count; ++k) {
        bytes_.read_at(bytes.data(), type_.bytes, data_begin_ + k * type_.bytes);
        texts.push_back(decode_text(type_, bytes.data()));
    }
    return texts;
}

}  // namespace tangram
