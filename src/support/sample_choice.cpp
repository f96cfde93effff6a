#include "tangram/support/sample_choice.hpp"

#include "tangram/support/random.hpp"

#include <algorithm>
#include <numeric>

namespace tangram {

std::vector<std::int64_t> spread_check_samples(Index samples, Index wanted) {
    const Index count = std::min(samples, wanted);
    std::vector<std::int64_t> spread;
    for (Index k = 0; k < count; ++k) spread.push_back(count == 1 ? 0 : k * (samples - 1) / (count - 1));
    return spread;
}

std::vector<Index> choose_samples(Index samples, Index wanted, std::uint64_t seed) {
    std::vector<Index> chosen(at(samples));
    std::iota(chosen.begin(), chosen.end(), Index{0});
    if (wanted >= samples) return chosen;
    const std::uint64_t key = stream_key(seed, 0);
    std::sort(chosen.begin(), chosen.end(), [&](Index a, Index b) {
        return splitmix64(key + static_cast<std::uint64_t>(a)) <
               splitmix64(key + static_cast<std::uint64_t>(b));
    });
    chosen.resize(at(std::max<Index>(wanted, 1)));
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

}  // namespace tangram
