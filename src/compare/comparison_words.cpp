#include "tangram/compare/comparison_words.hpp"

#include "tangram/compare/recognition.hpp"

#include <fmt/format.h>

namespace tangram {

namespace {

std::string range_of(const Axis& axis, Index panel, Index rows_each) {
    return fmt::format("{} to {}", axis.begin(panel) * rows_each,
                       (axis.begin(panel) + axis.size(panel)) * rows_each - 1);
}

}  // namespace

double relative(double difference, double largest) {
    return largest > 0 ? difference / largest : difference;
}

std::string worst_place(const Shape& shape, const EntryComparison& found) {
    const Index C = shape.total().rows_each;
    return fmt::format("the worst tile has rows {} and columns {}, off by {} at row {}, column {}",
                       range_of(shape.axes.row, found.worst_tile.row, C),
                       range_of(shape.axes.column, found.worst_tile.column, C), plain(found.worst),
                       found.worst_row, found.worst_column);
}

std::string table_of(const Explanation& explanation) {
    std::string table = fmt::format("\n{:<28}  {:>16}  {:>16}\n", "fitted", "weight", "known to");
    for (const FittedWeight& line : explanation.fit)
        table += fmt::format("{:<28}  {:>16}  {:>16.1e}\n", line.name, plain(line.weight), line.uncertainty);
    table += fmt::format("{:<28}  {:>16.1e}  of sqrt(K_ii K_jj), root mean square\n", "left over",
                         explanation.residual);
    return table;
}

std::string numbers_of(const Shape& shape, const EntryComparison& found, double tolerance) {
    return fmt::format(
        "largest     {} here, {} there\ndifference  at most {} ({:.1e} of the largest entry), {}\n"
        "tiles       {} of {} are off by more than {:.1e} of the largest entry\n",
        plain(found.largest), plain(found.largest_other), plain(found.worst),
        relative(found.worst, found.largest), worst_place(shape, found), found.tiles_off, found.tiles,
        tolerance);
}

bool only_few_tiles(const EntryComparison& found) {
    return found.tiles >= 4 && found.tiles_off * 4 <= found.tiles;
}

std::string few_tiles_in_words(const Shape& shape, const EntryComparison& found) {
    return fmt::format("{} of {} tiles {} off, {}; all others are {}", found.tiles_off, found.tiles,
                       found.tiles_off == 1 ? "is" : "are", worst_place(shape, found),
                       equal_in_words(found.worst_elsewhere, found.largest));
}

std::string asymmetry_in_words(const EntryComparison& found, const Asymmetry& asymmetry, double tolerance) {
    if (!(asymmetry.worst > tolerance * found.largest_other)) return "";
    return fmt::format("; it is asymmetric: at row {}, column {} it is off its mirror image by {}",
                       asymmetry.row, asymmetry.column, plain(asymmetry.worst));
}

}  // namespace tangram
