#include "random_networks.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/narrow.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <utility>

using namespace tangram;
using namespace tangram::test;

TEST_CASE("a size of 2^31 is refused where BLAS and MPI take an int, and 2^31 - 1 is not") {
    CHECK(narrow((Index{1} << 31) - 1, "n") == 2147483647);
    CHECK_THROWS_AS(narrow(Index{1} << 31, "n"), Error);
    CHECK_THROWS_AS(narrow(-1, "n"), Error);
}

TEST_CASE("gemm and gram_lower equal plain loops on views with padded rows") {
    Matrix<double> A(5, 9);
    Matrix<double> B(4, 9);
    fill_random(A.view(), 1);
    fill_random(B.view(), 2);
    const auto a = std::as_const(A).view().block(0, 1, 5, 7);
    const auto b = std::as_const(B).view().block(0, 1, 4, 7);
    Matrix<double> C(5, 6);
    blas::gemm(blas::Op::none, blas::Op::transpose, 2.0, a, b, 0.0, C.view().block(0, 0, 5, 4));
    Matrix<double> G(5, 5);
    G(0, 4) = 42;
    blas::gram_lower(a, G.view());
    for (Index i = 0; i < 5; ++i) {
        for (Index j = 0; j < 5; ++j) {
            double product = 0;
            double square = 0;
            for (Index k = 0; k < 7; ++k) {
                if (j < 4) product += 2 * a(i, k) * b(j, k);
                square += a(i, k) * a(j, k);
            }
            if (j < 4) CHECK(C(i, j) == doctest::Approx(product).epsilon(1e-14));
            if (j <= i) CHECK(G(i, j) == doctest::Approx(square).epsilon(1e-14));
        }
    }
    CHECK(C(0, 4) == 0);   // outside the view
    CHECK(G(0, 4) == 42);  // the strict upper triangle
}

TEST_CASE("the eigenvalues of a 2 x 2 matrix come in ascending order") {
    Matrix<double> A(2, 2);
    A(0, 0) = A(1, 1) = 2;
    A(0, 1) = A(1, 0) = 5;
    const auto values = blas::symmetric_eigenvalues(A.view());
    CHECK(values[0] == doctest::Approx(-3));
    CHECK(values[1] == doctest::Approx(7));
}

TEST_CASE("a tile's checksum ignores padding and sees every value") {
    Matrix<float> A(3, 8);
    for (Index k = 0; k < 24; ++k) A.data()[k] = static_cast<float>(k);
    const auto tile = std::as_const(A).view().block(0, 0, 3, 5);
    const std::uint64_t before = checksum(tile);
    A(1, 6) = -1;  // padding
    CHECK(checksum(tile) == before);
    A(2, 4) = -1;
    CHECK(checksum(tile) != before);
}

TEST_CASE("the digest of a file is SHA-256's published one for abc") {
    const TemporaryFile file("abc", "abc");
    const FileDigest digest = digest_file(file.path());
    CHECK(digest.bytes == 3);
    CHECK(digest.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("an error on one rank becomes the same error on all of them") {
    const auto world = mpi::Communicator::world();
    const int guilty = world.size() - 1;
    try {
        agree(world, [&] {
            if (world.rank() == guilty) fail(ExitCode::bad_input, "rank {} met it", guilty);
        });
        CHECK(false);
    } catch (const AgreedError& error) {
        CHECK(error.what() == "rank " + std::to_string(guilty) + " met it");
        CHECK(error.code() == ExitCode::bad_input);
    }
    CHECK_NOTHROW(agree(world, [] {}));
    CHECK_THROWS_AS(agree_on_root(world, [] { fail(ExitCode::io, "only rank 0 runs this"); }), AgreedError);
}

TEST_CASE("broadcast and sum carry what they should on every rank") {
    const auto world = mpi::Communicator::world();
    CHECK(mpi::broadcast(world, world.is_root() ? std::string("text") : std::string()) == "text");
    const std::vector<double> values =
        mpi::broadcast(world, world.is_root() ? std::vector<double>{1, 2, 3} : std::vector<double>{});
    CHECK(values == std::vector<double>{1, 2, 3});
    CHECK(mpi::sum(world, Index{world.rank()}) == Index{world.size()} * (world.size() - 1) / 2);
    CHECK(mpi::minimum(world, world.rank()) == 0);
    const auto texts = mpi::gather(world, std::to_string(world.rank()));
    CHECK(texts.size() == static_cast<std::size_t>(world.is_root() ? world.size() : 0));
    for (std::size_t r = 0; r < texts.size(); ++r) CHECK(texts[r] == std::to_string(r));
}
