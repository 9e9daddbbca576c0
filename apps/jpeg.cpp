// JPEG through libjpeg-turbo.
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

#include <csetjmp>
#include <cstdlib>
#include <memory>

#include "apps/codecs.h"
#include "kernels/core/error.h"

namespace sumi {
namespace {

/// libjpeg's errors come back by longjmp: functions below that call it hold no C++ objects of their own.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

void on_error(j_common_ptr info) {
  auto* m = reinterpret_cast<ErrorManager*>(info->err);
  m->base.format_message(info, m->message);
  std::longjmp(m->jump, 1);
}

/// Warnings mean damaged or missing data ("premature end of JPEG file"): the picture would be wrong, so they are
/// errors.
void on_message(j_common_ptr info, int level) {
  if (level < 0) on_error(info);
}

void quiet(j_common_ptr) {}

jpeg_error_mgr* prepare(ErrorManager& m) {
  jpeg_std_error(&m.base);
  m.base.error_exit = on_error;
  m.base.emit_message = on_message;
  m.base.output_message = quiet;
  m.message[0] = 0;
  return &m.base;
}

struct Decoder {
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  Decoder() { info.err = prepare(errors); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

bool read_header(Decoder& d, const unsigned char* bytes, unsigned long size) {
  if (setjmp(d.errors.jump)) return false;
  jpeg_create_decompress(&d.info);
  jpeg_mem_src(&d.info, bytes, size);
  jpeg_save_markers(&d.info, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&d.info, TRUE);
  const bool four = d.info.jpeg_color_space == JCS_CMYK || d.info.jpeg_color_space == JCS_YCCK;
  d.info.out_color_space = four ? JCS_CMYK : JCS_RGB;
  return true;
}

/// Rows of 3 (RGB) or 4 (CMYK) bytes a pixel.
bool read_rows(Decoder& d, unsigned char* out) {
  if (setjmp(d.errors.jump)) return false;
  jpeg_start_decompress(&d.info);
  const std::size_t stride = std::size_t{d.info.output_width} * static_cast<std::size_t>(d.info.output_components);
  while (d.info.output_scanline < d.info.output_height) {
    JSAMPROW row = out + d.info.output_scanline * stride;
    jpeg_read_scanlines(&d.info, &row, 1);
  }
  jpeg_finish_decompress(&d.info);
  return true;
}

/// Adobe's files hold inverted inks, which is what Photoshop and every browser assume.
std::vector<std::uint8_t> cmyk_to_rgb(const std::vector<std::uint8_t>& cmyk, bool inverted) {
  std::vector<std::uint8_t> rgb(cmyk.size() / 4 * 3);
  for (std::size_t i = 0; i < cmyk.size() / 4; i++)
    for (std::size_t c = 0; c < 3; c++) {
      const int ink = inverted ? cmyk[i * 4 + c] : 255 - cmyk[i * 4 + c];
      const int key = inverted ? cmyk[i * 4 + 3] : 255 - cmyk[i * 4 + 3];
      rgb[i * 3 + c] = static_cast<std::uint8_t>((ink * key + 127) / 255);
    }
  return rgb;
}

int orientation_of(const jpeg_decompress_struct& info) {
  for (auto* m = info.marker_list; m; m = m->next)
    if (m->marker == JPEG_APP0 + 1)
      if (const int o = exif_orientation({reinterpret_cast<const char*>(m->data), m->data_length}); o != 1) return o;
  return 1;
}

struct Encoder {
  jpeg_compress_struct info{};
  ErrorManager errors{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  Encoder() { info.err = prepare(errors); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
};

bool write_rows(Encoder& e, int width, int height, const std::uint8_t* rgb, int quality) {
  if (setjmp(e.errors.jump)) return false;
  jpeg_create_compress(&e.info);
  jpeg_mem_dest(&e.info, &e.bytes, &e.size);
  e.info.image_width = static_cast<JDIMENSION>(width);
  e.info.image_height = static_cast<JDIMENSION>(height);
  e.info.input_components = 3;
  e.info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&e.info);
  jpeg_set_quality(&e.info, quality, TRUE);
  e.info.comp_info[0].h_samp_factor = e.info.comp_info[0].v_samp_factor = 1;  // 4:4:4: strokes keep their colour
  e.info.optimize_coding = TRUE;
  jpeg_start_compress(&e.info, TRUE);
  while (e.info.next_scanline < e.info.image_height) {
    auto* row = const_cast<JSAMPROW>(rgb + std::size_t{e.info.next_scanline} * static_cast<std::size_t>(width) * 3);
    jpeg_write_scanlines(&e.info, &row, 1);
  }
  jpeg_finish_compress(&e.info);
  return true;
}

}  // namespace

Image decode_jpeg(const std::string& name, std::string_view bytes) {
  const auto d = std::make_unique<Decoder>();
  const bool readable = read_header(*d, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  if (!readable && d->errors.base.msg_code == JERR_EMPTY_IMAGE) check_image_size(name, 0, 0);
  check(readable, name, ": damaged JPEG: ", d->errors.message);
  check_image_size(name, d->info.image_width, d->info.image_height);
  const bool cmyk = d->info.out_color_space == JCS_CMYK;
  const int orientation = orientation_of(d->info);  // finishing the decoding forgets the markers
  Image image{static_cast<int>(d->info.image_width), static_cast<int>(d->info.image_height), {}, {}};
  std::vector<std::uint8_t> pixels(std::size_t{d->info.image_width} * d->info.image_height * (cmyk ? 4 : 3));
  const bool whole = read_rows(*d, pixels.data());
  check(whole, name, ": damaged JPEG: ", d->errors.message);
  image.rgb = cmyk ? cmyk_to_rgb(pixels, d->info.saw_Adobe_marker) : std::move(pixels);
  return upright(std::move(image), orientation);
}

std::string encode_jpeg(int width, int height, const std::vector<std::uint8_t>& rgb, int quality) {
  const auto e = std::make_unique<Encoder>();
  const bool written = write_rows(*e, width, height, rgb.data(), quality);
  check(written, "JPEG: ", e->errors.message);
  return {reinterpret_cast<const char*>(e->bytes), e->size};
}

std::string libjpeg_version() {
#ifdef LIBJPEG_TURBO_VERSION_NUMBER
  constexpr int v = LIBJPEG_TURBO_VERSION_NUMBER;
  return concat(v / 1000000, '.', v / 1000 % 1000, '.', v % 1000);
#else
  return concat(JPEG_LIB_VERSION);
#endif
}

}  // namespace sumi
