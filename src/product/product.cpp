#include "tangram/product/product.hpp"

#include "tangram/support/error.hpp"

#include <array>

namespace tangram {

std::span<const Product> products() {
    static const std::array<Product, 3> all{products_of::samples, products_of::test_by_samples,
                                            products_of::parameters};
    return all;
}

const Product& product_named(std::string_view name) {
    for (const Product& product : products()) {
        if (product.name == name) return product;
    }
    fail(ExitCode::failed, "no product is called '{}'", name);
}

}  // namespace tangram
