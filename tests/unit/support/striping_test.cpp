#include "tangram/support/striping.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace tangram;

namespace {

/// A layout as Lustre gives it: magic, pattern 1, object, stripe size 1 MiB, so many stripes, offset 0.
std::vector<unsigned char> layout(unsigned magic, unsigned stripes) {
    std::vector<unsigned char> bytes(32, 0);
    const auto put = [&](std::size_t first, std::size_t count, unsigned value) {
        for (std::size_t k = 0; k < count; ++k)
            bytes[first + k] = static_cast<unsigned char>(value >> 8 * k & 0xFFU);
    };
    put(0, 4, magic);
    put(4, 4, 1);
    put(24, 4, 1U << 20U);
    put(28, 2, stripes);
    return bytes;
}

}  // namespace

TEST_CASE("the stripes of a Lustre layout are read where lustre_user.h has them") {
    CHECK(lustre_stripes(layout(0x0BD10BD0, 1)) == 1);
    CHECK(lustre_stripes(layout(0x0BD30BD0, 300)) == 300);
    CHECK_MESSAGE(!lustre_stripes(layout(0x0BD60BD0, 1)), "a composite layout has several counts");
    CHECK(!lustre_stripes(std::vector<unsigned char>(29, 0)));
    CHECK(!lustre_stripes({}));
}

TEST_CASE("a local disk is not one server of a network file system") {
    CHECK(!one_server("/"));
    CHECK(!one_server("/nonexistent"));
}
