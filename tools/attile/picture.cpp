#include "tools/attile/picture.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/core.h>
#include <fstream>
#include <png.h>

using namespace attile;
using namespace attile::cli;

Colour cli::blend(Colour a, Colour b, double part) {
  Colour result;
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<std::uint8_t>(std::lround(a[i] + part * (b[i] - a[i])));
  return result;
}

Result<void> Picture::save(const std::string& path, int scale) const {
  std::string ending = path.substr(path.size() - std::min<std::size_t>(path.size(), 4));
  for (char& c : ending)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (ending == ".png")
    return save_png(path, scale);
  if (ending == ".svg")
    return save_svg(path, scale);
  return usage_error(fmt::format("'{}' does not end in .png or .svg", path));
}

Result<void> Picture::save_png(const std::string& path, int scale) const {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(pixels.size() * 3 * static_cast<std::size_t>(scale) * scale);
  for (int y = 0; y < height * scale; ++y)
    for (int x = 0; x < width * scale; ++x) {
      const Colour& colour = at(x / scale, y / scale);
      bytes.insert(bytes.end(), colour.begin(), colour.end());
    }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width * scale);
  image.height = static_cast<png_uint_32>(height * scale);
  image.format = PNG_FORMAT_RGB;
  if (!png_image_write_to_file(&image, path.c_str(), /*convert_to_8_bit=*/0, bytes.data(), 0, nullptr))
    return user_error(fmt::format("cannot write '{}': {}", path, image.message));
  return {};
}

Result<void> Picture::save_svg(const std::string& path, int scale) const {
  std::string text =
      fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} "
                  "{}\" shape-rendering=\"crispEdges\">\n",
                  width * scale, height * scale, width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0, end = 0; x < width; x = end) { // runs of one colour
      const Colour& colour = at(x, y);
      for (end = x + 1; end < width && at(end, y) == colour;)
        ++end;
      text +=
          fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"1\" fill=\"#{:02x}{:02x}{:02x}\"/>\n", x,
                      y, end - x, colour[0], colour[1], colour[2]);
    }
  text += "</svg>\n";
  std::ofstream file(path, std::ios::binary);
  if (!(file << text).flush())
    return user_error(fmt::format("cannot write '{}'", path));
  return {};
}
