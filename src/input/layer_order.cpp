#include "tangram/input/layer_order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tangram {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes the run of digits, or of other characters, at the front of `rest`.
std::string_view take_piece(std::string_view& rest) {
    std::size_t length = 0;
    while (length < rest.size() && is_digit(rest[length]) == is_digit(rest[0])) ++length;
    const std::string_view piece = rest.substr(0, length);
    rest.remove_prefix(length);
    return piece;
}

/// -1, 0, 1 for two runs of digits as numbers of any length.
int compare_numbers(std::string_view a, std::string_view b) {
    a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
    b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    const int order = a.compare(b);
    return (order > 0) - (order < 0);
}

/// Where two names first differ: in a number (order -1 or 1), or in text; order 0: nowhere.
struct Difference {
    int order = 0;
    bool in_number = false;
};

Difference first_difference(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        const std::string_view piece_a = take_piece(a);
        const std::string_view piece_b = take_piece(b);
        const bool numbers = is_digit(piece_a[0]) && is_digit(piece_b[0]);
        const int order = numbers ? compare_numbers(piece_a, piece_b) : piece_a.compare(piece_b);
        if (order != 0) return {order < 0 ? -1 : 1, numbers};
    }
    return {static_cast<int>(!a.empty()) - static_cast<int>(!b.empty()), false};
}

/// Depth-first search over the orders that keep every module behind those that precede it.
class Search {
public:
    explicit Search(std::span<const ModuleWidths> modules)
        : modules_(modules), successors_(modules.size()), waiting_for_(modules.size(), 0) {
        for (std::size_t i = 0; i < modules.size(); ++i) {
            for (std::size_t j = 0; j < modules.size(); ++j) {
                if (!precedes(modules[i].name, modules[j].name)) continue;
                successors_[i].push_back(j);
                ++waiting_for_[j];
            }
        }
    }

    OrderSearch run() {
        extend();
        return std::move(found_);
    }

private:
    static constexpr std::size_t placed = static_cast<std::size_t>(-1);

    void extend() {
        if (chain_.size() > found_.longest.size()) found_.longest = chain_;
        if (chain_.size() == modules_.size()) {
            found_.orders.push_back(chain_);
            return;
        }
        for (std::size_t next = 0; next < modules_.size() && found_.orders.size() < 2 && !found_.exhausted;
             ++next) {
            const bool fits = chain_.empty() || modules_[chain_.back()].out == modules_[next].in;
            if (waiting_for_[next] == 0 && fits) try_next(next);
        }
    }

    void try_next(std::size_t next) {
        if (--budget_ == 0) found_.exhausted = true;
        for (const std::size_t later : successors_[next]) --waiting_for_[later];
        waiting_for_[next] = placed;
        chain_.push_back(next);
        extend();
        chain_.pop_back();
        waiting_for_[next] = 0;
        for (const std::size_t later : successors_[next]) ++waiting_for_[later];
    }

    std::span<const ModuleWidths> modules_;
    std::vector<std::vector<std::size_t>> successors_;
    std::vector<std::size_t>
        waiting_for_;  ///< unplaced modules that must come first; `placed` when in the chain
    std::vector<std::size_t> chain_;
    OrderSearch found_;
    Index budget_ = 200'000;  ///< the orders of n alike modules are n!
};

/// The order of names that are comparable one after the other, which by transitivity all are.
OrderSearch along_names(std::span<const ModuleWidths> modules, std::vector<std::size_t> order) {
    OrderSearch search;
    search.settled_by_names = true;
    std::size_t chained = 1;
    while (chained < order.size() && modules[order[chained - 1]].out == modules[order[chained]].in) ++chained;
    search.longest.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(chained));
    if (chained == order.size()) search.orders.push_back(std::move(order));
    return search;
}

}  // namespace

bool precedes(std::string_view a, std::string_view b) {
    const Difference difference = first_difference(a, b);
    return difference.in_number && difference.order < 0;
}

bool natural_less(std::string_view a, std::string_view b) {
    const int order = first_difference(a, b).order;
    return order != 0 ? order < 0 : a < b;
}

OrderSearch find_orders(std::span<const ModuleWidths> modules) {
    constexpr std::size_t most_to_search = 1000;
    if (modules.empty()) return {};
    std::vector<std::size_t> order(modules.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return natural_less(modules[a].name, modules[b].name); });

    const auto open = std::adjacent_find(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return !precedes(modules[a].name, modules[b].name);
    });
    if (open == order.end()) return along_names(modules, std::move(order));
    if (modules.size() > most_to_search) {
        OrderSearch given_up;
        given_up.exhausted = true;
        return given_up;
    }
    return Search(modules).run();
}

}  // namespace tangram
