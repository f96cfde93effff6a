#include "tangram/support/hash.hpp"

#include "tangram/support/error.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <xxhash.h>

#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

namespace tangram {

namespace {

template <class T>
std::uint64_t checksum_rows(ConstMatrixView<T> block) {
    if (block.ld == block.cols) {
        return XXH3_64bits(block.data, static_cast<std::size_t>(block.rows * block.cols) * sizeof(T));
    }
    RunningChecksum sum;
    for (Index i = 0; i < block.rows; ++i) {
        sum.add_bytes(block.row(i), static_cast<std::size_t>(block.cols) * sizeof(T));
    }
    return sum.value();
}

}  // namespace

void RunningChecksum::Free::operator()(XXH3_state_s* state) const {
    XXH3_freeState(state);
}

RunningChecksum::RunningChecksum() : state_(XXH3_createState()) {
    if (!state_) throw std::bad_alloc();
    XXH3_64bits_reset(state_.get());
}

void RunningChecksum::add_bytes(const void* data, std::size_t bytes) {
    XXH3_64bits_update(state_.get(), data, bytes);
}

void RunningChecksum::add(const std::string& text) {
    add(std::uint64_t{text.size()});
    add_bytes(text.data(), text.size());
}

std::uint64_t RunningChecksum::value() const {
    return XXH3_64bits_digest(state_.get());
}

std::uint64_t checksum(ConstMatrixView<float> block) {
    return checksum_rows(block);
}
std::uint64_t checksum(ConstMatrixView<double> block) {
    return checksum_rows(block);
}
std::uint64_t checksum(std::string_view text) {
    return XXH3_64bits(text.data(), text.size());
}

FileDigest digest_file(const std::string& path, const std::function<void()>& between_pieces) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (!file) fail(ExitCode::io, "cannot read ({}): {}", path, std::strerror(errno));
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
        fail(ExitCode::failed, "libcrypto offers no SHA-256");
    }
    FileDigest digest;
    digest.path = path;
    std::vector<unsigned char> piece(std::size_t{1} << 20);
    for (std::size_t count = 0; (count = std::fread(piece.data(), 1, piece.size(), file.get())) > 0;) {
        EVP_DigestUpdate(context.get(), piece.data(), count);
        digest.bytes += static_cast<Index>(count);
        if (between_pieces) between_pieces();
    }
    if (std::ferror(file.get()) != 0) fail(ExitCode::io, "cannot read ({}): {}", path, std::strerror(errno));
    unsigned int length = 0;
    EVP_DigestFinal_ex(context.get(), piece.data(), &length);
    for (unsigned int i = 0; i < length; ++i) digest.sha256 += fmt::format("{:02x}", piece[i]);
    return digest;
}

}  // namespace tangram
