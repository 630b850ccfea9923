// Small pictures, written as PNG or SVG.
#pragma once

#include <array>
#include <attile/result.h>
#include <cstdint>
#include <string>
#include <vector>

namespace attile::cli {

using Colour = std::array<std::uint8_t, 3>;

/// Between a (part = 0) and b (part = 1).
Colour blend(Colour a, Colour b, double part);

class Picture {
public:
  Picture(int width, int height)
      : width(width), height(height), pixels(static_cast<std::size_t>(width) * height) {}
  Colour& at(int x, int y) { return pixels[static_cast<std::size_t>(y) * width + x]; }
  const Colour& at(int x, int y) const { return pixels[static_cast<std::size_t>(y) * width + x]; }

  /// By the ending of the path; every pixel becomes a square of `scale` pixels.
  Result<void> save(const std::string& path, int scale) const;

private:
  Result<void> save_png(const std::string& path, int scale) const;
  Result<void> save_svg(const std::string& path, int scale) const;

  int width, height;
  std::vector<Colour> pixels;
};

} // namespace attile::cli
