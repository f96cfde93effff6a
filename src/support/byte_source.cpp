#include "tangram/support/byte_source.hpp"

#include "tangram/support/error.hpp"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

namespace tangram {

namespace {

constexpr Index piece_bytes = Index{1} << 16;
/// zlib's names for a stream without a header, and for one with gzip's.
constexpr int raw_stream = -15;
constexpr int gzip_stream = 15 + 16;

[[noreturn]] void refuse(const std::string& path, const char* what) {
    fail(ExitCode::bad_input, "{} ({}): copy or save the file again", what, path);
}

}  // namespace

/// zlib's stream over a part of a file, with the place where it is.
class Inflater {
public:
    Inflater(FileDescriptor file, std::string path, Index begin, Index packed, int format)
        : file_(std::move(file)), path_(std::move(path)), begin_(begin), packed_(packed), format_(format) {
        if (inflateInit2(&stream_, format) != Z_OK) throw std::bad_alloc();
    }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// The whole source has this length and checksum: looked at when its last byte is read.
    void expect(Index size, std::uint32_t crc) {
        size_ = size;
        expected_crc_ = crc;
    }

    void read_at(unsigned char* data, Index bytes, Index offset) {
        if (offset < position_) restart();
        std::array<unsigned char, 4096> passed_over{};
        while (position_ < offset)
            read(passed_over.data(), std::min(static_cast<Index>(passed_over.size()), offset - position_));
        while (bytes > 0) {
            const Index part = std::min(bytes, Index{1} << 30);
            read(data, part);
            data += part;
            bytes -= part;
        }
    }

private:
    void restart() {
        if (inflateReset2(&stream_, format_) != Z_OK) refuse(path_, "cannot unpack a file again");
        stream_.avail_in = 0;
        taken_ = position_ = 0;
        crc_ = 0;
    }

    void refill() {
        const Index count = std::min(piece_bytes, packed_ - taken_);
        if (count == 0) refuse(path_, "a compressed file that is cut off");
        file_.read_at(input_.data(), count, begin_ + taken_);
        taken_ += count;
        stream_.next_in = input_.data();
        stream_.avail_in = static_cast<uInt>(count);
    }

    void read(unsigned char* data, Index bytes) {
        stream_.next_out = data;
        stream_.avail_out = static_cast<uInt>(bytes);
        while (stream_.avail_out > 0) {
            if (stream_.avail_in == 0) refill();
            const int status = inflate(&stream_, Z_NO_FLUSH);
            if (status == Z_MEM_ERROR) throw std::bad_alloc();
            if (status == Z_STREAM_END && stream_.avail_out > 0)
                refuse(path_, "a compressed file that ends too early");
            if (status != Z_OK && status != Z_STREAM_END) refuse(path_, "a compressed file that is damaged");
        }
        crc_ = static_cast<std::uint32_t>(crc32(crc_, data, static_cast<uInt>(bytes)));
        position_ += bytes;
        if (position_ == size_ && crc_ != expected_crc_)
            refuse(path_, "a compressed file whose checksum is wrong");
    }

    FileDescriptor file_;
    std::string path_;
    Index begin_, packed_;
    int format_;
    z_stream stream_{};
    std::array<unsigned char, piece_bytes> input_{};
    Index taken_ = 0;     ///< packed bytes handed to zlib
    Index position_ = 0;  ///< unpacked bytes that were read
    Index size_ = -1;
    std::uint32_t crc_ = 0, expected_crc_ = 0;
};

ByteSource::ByteSource(const std::string& path, Index begin, Index packed)
    : path_(path), file_(open_file(path, O_RDONLY)), begin_(begin), packed_(packed) {}

ByteSource::~ByteSource() = default;

ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;

ByteSource ByteSource::stored(const std::string& path, Index begin, Index size) {
    ByteSource source(path, begin, size);
    source.size_ = size;
    return source;
}

ByteSource ByteSource::deflated(const std::string& path, Index begin, Index packed, Index size,
                                std::uint32_t crc) {
    constexpr Index best_ratio = 1032;  // deflate packs no better: a size beyond it is not believed
    if (size / best_ratio > packed + 1) refuse(path, "a compressed file that claims more than it can hold");
    ByteSource source(path, begin, packed);
    source.size_ = size;
    source.inflater_ = std::make_unique<Inflater>(open_file(path, O_RDONLY), path, begin, packed, raw_stream);
    source.inflater_->expect(size, crc);
    return source;
}

ByteSource ByteSource::gzip(const std::string& path) {
    const auto file_size = static_cast<Index>(std::filesystem::file_size(path));
    if (file_size < 18) refuse(path, "a .gz file that is cut off");
    ByteSource source(path, 0, file_size);
    std::array<unsigned char, 4> tail{};
    source.file_.read_at(tail.data(), 4, file_size - 4);
    for (std::size_t k = 4; k-- > 0;) source.size_ = source.size_ * 256 + tail[k];
    source.is_gzip_ = true;
    source.inflater_ = std::make_unique<Inflater>(open_file(path, O_RDONLY), path, 0, file_size, gzip_stream);
    return source;
}

bool ByteSource::may_hold(Index bytes) const {
    if (!is_gzip_) return bytes == size_;
    constexpr Index best_ratio = 1032;
    return bytes / best_ratio <= packed_ + 1 && (bytes - size_) % (Index{1} << 32) == 0;
}

void ByteSource::read_at(void* data, Index bytes, Index offset) const {
    if (inflater_) return inflater_->read_at(static_cast<unsigned char*>(data), bytes, offset);
    if (offset < 0 || bytes < 0 || offset > size_ - bytes) refuse(path_, "a file that ends too early");
    file_.read_at(data, bytes, begin_ + offset);
}

}  // namespace tangram
