#include "tangram/product/measure_sums.hpp"

#include "tangram/support/error.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace tangram {

namespace {

/// All numbers of a matrix, one kind after the other. `sums`: MatrixSums, const or not.
template <class Sums, class Visit>
void for_each_field(Sums& sums, Visit visit) {
    visit(sums.row_sums);
    visit(sums.products);
    visit(sums.sizes);
    visit(sums.own);
    visit(sums.classes);
    visit(sums.squares);
    visit(sums.aligned);
    visit(sums.largest);
}

DoubleDouble pair_at(const double* pair) {
    return {pair[0], pair[1]};
}

/// Copies numbers to and from text; false where it ends too early.
class Bytes {
public:
    explicit Bytes(std::string_view from) : from_(from) {}
    template <class T>
    void read(std::vector<T>& values) {
        const std::size_t bytes = values.size() * sizeof(T);
        whole_ = whole_ && from_.size() >= bytes;
        if (!whole_) return;
        std::memcpy(values.data(), from_.data(), bytes);
        from_.remove_prefix(bytes);
    }
    template <class T>
    void read(T& value) {
        std::vector<T> one(1);
        read(one);
        value = one[0];
    }
    [[nodiscard]] bool whole() const { return whole_ && from_.empty(); }

private:
    std::string_view from_;
    bool whole_ = true;
};

template <class T>
void append(std::string& bytes, const std::vector<T>& values) {
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
void append(std::string& bytes, const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void add_all(std::vector<DoubleDouble>& sums, const std::vector<DoubleDouble>& terms) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k].add(terms[k]);
}

void add_all(std::vector<ScaledSum>& sums, const std::vector<ScaledSum>& terms) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k].add(terms[k]);
}

bool overlaps(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
    for (std::size_t k = 0; k < a.size(); ++k) {
        if ((a[k] & b[k]) != 0) return true;
    }
    return false;
}

bool has(const std::vector<std::uint64_t>& bits, std::size_t k) {
    return (bits[k / 64] >> (k % 64) & 1U) != 0;
}

}  // namespace

MeasureSums::MeasureSums(const Measuring& m)
    : measuring_(&m),
      grams_(at(m.gram_entries())),
      differences_(m.differences.size()),
      planes_(at(m.shape.axes.tiles() * m.first_extra() / 64 + 1), 0),
      known_(planes_) {
    const auto rows = at(m.shape.rows(m.shape.total())), R = at(m.rows_each());
    for (Index a = 0; a < m.measured(); ++a) {
        MatrixSums sums;
        sums.row_sums.resize(rows * R);
        sums.products.resize(rows);
        sums.sizes.resize(rows);
        if (m.shape.axes.symmetric) sums.own.resize(rows * R);
        sums.classes.resize(at(m.classes.of_rows * m.classes.of_columns));
        matrices_.push_back(std::move(sums));
    }
}

std::size_t MeasureSums::plane_of(const Tile& block, Index place) const {
    return at(measuring_->shape.axes.index_of(block) * measuring_->first_extra() + place);
}

void MeasureSums::add_block(const BlockRecord& record, const Tile& block, MatrixSums& sums) const {
    const Axes& axes = measuring_->shape.axes;
    const Index R = record.R, row = axes.row.begin(block.row) * R,
                column = axes.column.begin(block.column) * R;
    const Index rows = axes.row.size(block.row) * R, cols = axes.column.size(block.column) * R;
    const int exponent = static_cast<int>(record.exponent());
    /// Of so many entries, from the sum of their y.
    const auto sum_of = [&](double shifted, Index entries) {
        DoubleDouble sum = product_of({record.shift(), 0}, {static_cast<double>(entries), 0});
        sum.add(shifted);
        return sum.times_power(exponent);
    };
    for (Index k = 0; k < rows * R; ++k)
        sums.row_sums[at(row * R + k)].add(sum_of(record.row_sums()[k], cols / R));
    for (Index i = 0; i < rows; ++i) {
        sums.products[at(row + i)].add(record.products()[i]);
        sums.sizes[at(row + i)].add(record.sizes()[i]);
    }
    if (axes.is_diagonal(block)) std::copy_n(record.own(), rows * R, sums.own.begin() + row * R);
    const bool twice = axes.is_mirrored(block);
    if (twice) {
        for (Index j = 0; j < cols; ++j) {
            for (Index r = 0; r < R; ++r)
                sums.row_sums[at((column + j) * R + r)].add(
                    sum_of(record.column_sums()[r * cols + j], rows / R));
            sums.products[at(column + j)].add(record.column_products()[j]);
            sums.sizes[at(column + j)].add(record.column_sizes()[j]);
        }
    }
    const Index classes = measuring_->classes.of_columns;
    for (Index k = 0; k < record.classes; ++k) {
        sums.classes[at(k)].add(record.class_sums()[k]);
        if (twice) sums.classes[at(k % classes * classes + k / classes)].add(record.class_sums()[k]);
    }
    const int times = twice ? 1 : 0;
    sums.squares.add(pair_at(record.squares()), 2 * exponent + times);
    sums.aligned.add(pair_at(record.aligned()), exponent + times);
    sums.largest = std::max(sums.largest, record.largest());
}

void MeasureSums::take(Index matrix, const Tile& block, const double* data) {
    const Measuring& m = *measuring_;
    const Index place = m.place[at(matrix)];
    if (place == not_measured || m.shape.axes.computed(block) != block) return;
    const std::size_t plane = plane_of(block, place);
    if (has(planes_, plane) || has(known_, plane)) return;
    planes_[plane / 64] |= std::uint64_t{1} << (plane % 64);
    const PlaneRecord record = record_at(m, const_cast<double*>(data));
    add_block(record.matrix, block, matrices_[at(place)]);
    if (place != 0) return;
    for (Index k = 0; k < m.extras(); ++k)
        add_block(record.extra(k), block, matrices_[at(m.first_extra() + k)]);
    const int times = m.shape.axes.is_mirrored(block) ? 1 : 0;
    const auto exponent = [&](Index a) { return static_cast<int>(record.exponents[a]); };
    std::size_t k = 0;
    for (const std::vector<Index>& group : m.groups) {
        for (std::size_t a = 0; a < group.size(); ++a) {
            for (std::size_t b = 0; b <= a; ++b, ++k)
                grams_[k].add(pair_at(record.gram + 2 * k), exponent(group[a]) + exponent(group[b]) + times);
        }
    }
    for (std::size_t d = 0; d < differences_.size(); ++d) {
        const auto [a, b] = m.differences[d];
        differences_[d].add(pair_at(record.differences + 2 * d),
                            2 * std::max(exponent(a), exponent(b)) + times);
    }
}

std::string MeasureSums::to_bytes() const {
    std::string bytes;
    append(bytes, planes_);
    for (const MatrixSums& sums : matrices_)
        for_each_field(sums, [&](const auto& values) { append(bytes, values); });
    append(bytes, grams_);
    append(bytes, differences_);
    return bytes;
}

void MeasureSums::add(const MeasureSums& other) {
    for (std::size_t k = 0; k < planes_.size(); ++k) planes_[k] |= other.planes_[k];
    for (std::size_t a = 0; a < matrices_.size(); ++a) {
        MatrixSums& to = matrices_[a];
        const MatrixSums& from = other.matrices_[a];
        add_all(to.row_sums, from.row_sums);
        add_all(to.products, from.products);
        add_all(to.sizes, from.sizes);
        add_all(to.classes, from.classes);
        for (std::size_t k = 0; k < to.own.size(); ++k) to.own[k] += from.own[k];  // zero in all but one
        to.squares.add(from.squares);
        to.aligned.add(from.aligned);
        to.largest = std::max(to.largest, from.largest);
    }
    add_all(grams_, other.grams_);
    add_all(differences_, other.differences_);
}

bool MeasureSums::adopt(std::string_view bytes) {
    MeasureSums other(*measuring_);
    Bytes from(bytes);
    from.read(other.planes_);
    for (MatrixSums& sums : other.matrices_) for_each_field(sums, [&](auto& values) { from.read(values); });
    from.read(other.grams_);
    from.read(other.differences_);
    if (!from.whole() || overlaps(planes_, other.planes_)) return false;
    add(other);
    return true;
}

TileSet MeasureSums::tiles_done(const mpi::Communicator& world) const {
    std::vector<std::uint64_t> all = planes_;
    mpi::bitwise_or(world, all);
    const auto each = at(measuring_->first_extra());
    TileSet done(at(measuring_->shape.axes.tiles()), true);
    for (std::size_t tile = 0; tile < done.size(); ++tile) {
        for (std::size_t k = 0; k < each; ++k) done[tile] = done[tile] && has(all, tile * each + k);
    }
    return done;
}

void MeasureSums::share_planes(const mpi::Communicator& world) {
    known_ = planes_;
    mpi::bitwise_or(world, known_);
}

void MeasureSums::merge(const mpi::Communicator& world) {
    for (int rank = 1; rank < world.size(); ++rank) {
        std::string bytes = world.rank() == rank ? to_bytes() : "";
        const Index size = static_cast<Index>(mpi::maximum(world, static_cast<double>(bytes.size())));
        bytes.resize(at(size));
        mpi::broadcast_bytes(world, bytes.data(), size, rank);
        if (world.is_root() && !adopt(bytes))
            fail(ExitCode::failed, "rank {} brings sums of tiles that others have too", rank);
    }
    if (!world.is_root()) return;
    const std::size_t planes = at(measuring_->shape.axes.tiles() * measuring_->first_extra());
    for (std::size_t k = 0; k < planes; ++k) {
        if (!has(planes_, k))
            fail(ExitCode::failed, "the sums of the measures miss plane {} of {}", k, planes);
    }
}

Index measure_sums_bytes(const Measuring& m) {
    constexpr Index two = sizeof(DoubleDouble), one = sizeof(double);
    const Index rows = m.shape.rows(m.shape.total()), R = m.rows_each();
    const Index of_matrix =
        rows * (R * (two + one) + 2 * two) + m.classes.of_rows * m.classes.of_columns * two;
    const Index grams =
        (m.gram_entries() + static_cast<Index>(m.differences.size())) * Index{sizeof(ScaledSum)};
    return 3 * (m.measured() * of_matrix + grams);  // own, another's as numbers and as bytes
}

}  // namespace tangram
