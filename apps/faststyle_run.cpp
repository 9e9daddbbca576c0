#include "apps/faststyle_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/interrupt.h"
#include "apps/paint_plan.h"
#include "apps/painter.h"
#include "apps/photo_crops.h"
#include "apps/program.h"
#include "apps/progress.h"
#include "apps/resize.h"
#include "apps/style_options.h"
#include "apps/usage.h"
#include "kernels/core/clock.h"
#include "nn/safetensors.h"
#include "tensor/autograd.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLogEvery = 10;
constexpr int kSampleSide = 640;
constexpr const char* kCheckpoint = "checkpoint.safetensors";

/// Mean of the losses since it was last asked.
class LossMean {
 public:
  void add(const PerceptualLosses& mean, std::int64_t steps) {
    const auto n = static_cast<double>(steps);
    sum_.total += n * mean.total, sum_.content += n * mean.content;
    sum_.style += n * mean.style, sum_.tv += n * mean.tv;
    count_ += steps;
  }
  PerceptualLosses take() {
    const double n = static_cast<double>(std::max<std::int64_t>(1, std::exchange(count_, 0)));
    const PerceptualLosses s = std::exchange(sum_, {});
    return {s.total / n, s.content / n, s.style / n, s.tv / n};
  }

 private:
  PerceptualLosses sum_;
  std::int64_t count_ = 0;
};

class FaststyleRun {
 public:
  FaststyleRun(const FaststyleRunOptions& o, const ContextPtr& context);
  int run();

 private:
  void resume();
  void one_step(Progress& progress);
  void log_line(Progress& progress);
  void read_losses();
  void sample() const;
  void save();
  std::map<std::string, std::string> settings() const;
  std::string file(const std::string& name) const { return (fs::path(o_.folder) / name).string(); }
  std::int64_t done() const { return trainer_->steps_done(); }
  int photo_side() const { return o_.photo_side > 0 ? o_.photo_side : 2 * o_.crop; }

  const FaststyleRunOptions& o_;
  ContextPtr context_;
  std::unique_ptr<PhotoCrops> crops_;
  std::unique_ptr<FaststyleTrainer> trainer_;
  Image sample_photo_;
  std::ofstream log_;
  LossMean recent_;
  std::int64_t read_at_ = 0;  // the step up to which losses were read
  PerceptualLosses first_, last_;
  double logged_at_ = 0, seconds_before_ = 0, start_ = 0;
};

/// A run is hours of work: starting another one over it must be meant.
void make_run_folder(const std::string& folder, bool resume) {
  check(resume || !fs::exists(fs::path(folder) / kCheckpoint), folder,
        ": holds a run already; --resume goes on with it, another folder starts anew");
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error && fs::is_directory(folder), folder, ": the output folder cannot be made: ", error.message());
}

/// The first photo that can be read: samples show it, and training leaves it out unless it is the only one. A broken
/// one is dropped, as in training.
Image hold_out(std::vector<std::string>& files) {
  while (files.size() > 1) {
    const std::string first = files.front();
    files.erase(files.begin());
    try {
      return read_image(first);
    } catch (const Error& e) {
      std::cerr << "sumi: " << e.what() << "; going on without it\n";
    }
  }
  return read_image(files.front());
}

FaststyleRun::FaststyleRun(const FaststyleRunOptions& o, const ContextPtr& context) : o_(o), context_(context) {
  check_usage(o.crop % 4 == 0, "train: --crop must be a multiple of 4, got ", o.crop);
  std::vector<std::string> files = pictures_in(o.photos);
  const Image style = padded(resize_long_side(read_style(o.style), o.style_size), 1, kSmallestStyle);
  sample_photo_ = o.sample_photo.empty() ? hold_out(files) : read_image(o.sample_photo);
  if (std::max(sample_photo_.width, sample_photo_.height) > kSampleSide)
    sample_photo_ = resize_long_side(sample_photo_, kSampleSide);
  std::shared_ptr<const Vgg> vgg = load_vgg(context, o.vgg, "relu4_3");
  make_run_folder(o.folder, o.resume);
  crops_ = std::make_unique<PhotoCrops>(std::move(files), CropOptions{o.crop, photo_side(), o.trainer.seed});
  trainer_ = std::make_unique<FaststyleTrainer>(context, vgg, pixels_of(context, style), o.trainer);
  if (o.resume) resume();
  read_at_ = done();
  log_.open(file("log.jsonl"), o.resume ? std::ios::app : std::ios::trunc);
  check(log_.good(), file("log.jsonl"), ": cannot be written");
}

PerceptualLosses losses_from(const std::map<std::string, std::string>& m, const std::string& prefix) {
  const auto number = [&](const std::string& name) {
    const auto it = m.find(prefix + name);
    return it == m.end() ? 0.0 : std::strtod(it->second.c_str(), nullptr);
  };
  return {number("total"), number("content"), number("style"), number("tv")};
}

void put_losses(std::map<std::string, std::string>& m, const std::string& prefix, const PerceptualLosses& l) {
  m[prefix + "total"] = concat(l.total), m[prefix + "content"] = concat(l.content);
  m[prefix + "style"] = concat(l.style), m[prefix + "tv"] = concat(l.tv);
}

/// Settings that a checkpoint carries must be the ones given now; older files carry fewer.
void check_same_run(const std::string& path, const std::map<std::string, std::string>& then,
                    const std::map<std::string, std::string>& now) {
  for (const auto& [name, value] : now)
    if (const auto it = then.find(name); it != then.end())
      check(it->second == value, path, ": this run has --", name, ' ', it->second, ", not ", value,
            "; give the same, or another folder");
}

std::map<std::string, std::string> FaststyleRun::settings() const {
  const FaststyleTrainerOptions& t = o_.trainer;
  return {{"batch", concat(o_.batch)},
          {"content-weight", concat(t.content_weight)},
          {"crop", concat(o_.crop)},
          {"ema", concat(t.ema)},
          {"lr", concat(t.lr)},
          {"photo-side", concat(photo_side())},
          {"precision", o_.precision},
          {"seed", concat(t.seed)},
          {"style", fs::path(o_.style).filename().string()},
          {"style-size", concat(o_.style_size)},
          {"style-weight", concat(t.style_weight)},
          {"tv-weight", concat(t.tv_weight)},
          {"vgg", fs::path(o_.vgg).filename().string()},
          {"width", concat(t.width)}};
}

void FaststyleRun::resume() {
  const std::string path = file(kCheckpoint);
  check(fs::exists(path), path, ": no such file: there is nothing to resume");
  const SafetensorsFile checkpoint(path);
  check_same_run(path, checkpoint.metadata(), settings());
  try {
    trainer_->restore(checkpoint.load(context_));
  } catch (const Error& e) {
    fail(path, ": ", e.what());
  }
  first_ = losses_from(checkpoint.metadata(), "first_");
  last_ = losses_from(checkpoint.metadata(), "last_");
  const auto it = checkpoint.metadata().find("seconds");
  if (it != checkpoint.metadata().end()) seconds_before_ = std::strtod(it->second.c_str(), nullptr);
  std::cerr << "sumi: going on after step " << done() << '\n';
}

/// Not after every step: a GPU would be waited for.
void FaststyleRun::read_losses() {
  const std::int64_t steps = done() - std::exchange(read_at_, done());
  if (steps == 0) return;
  const PerceptualLosses mean = trainer_->losses();
  check(std::isfinite(mean.total), "step ", done(), ": the loss is not a number; a smaller --lr may help");
  recent_.add(mean, steps);
}

void FaststyleRun::save() {
  read_losses();  // and never over a sound file with weights that are no numbers
  std::map<std::string, std::string> m = {
      {"architecture", "faststyle_sigmoid"},
      {"pixels", "centered_sigmoid"},
      {"steps", concat(done())},
      {"seconds", concat(seconds_before_ + seconds_now() - start_)},
  };
  m.merge(settings());
  put_losses(m, "first_", first_);
  put_losses(m, "last_", last_);
  save_safetensors(file("model.safetensors"), trainer_->network().state_dict(DType::f16), m);
  save_safetensors(file(kCheckpoint), trainer_->checkpoint(), m);
}

void FaststyleRun::sample() const {
  const NoGrad no_history(*context_);
  const Image whole = padded(sample_photo_, 4, 16);
  Image painted = image_of(trainer_->paint(pixels_of(context_, whole)));
  char name[32];
  std::snprintf(name, sizeof name, "sample_%05lld.png", static_cast<long long>(done()));
  write_image(file(name), cropped_like(painted, sample_photo_));
}

void FaststyleRun::log_line(Progress& progress) {
  read_losses();
  const double now = seconds_now();
  const std::int64_t steps = done() % kLogEvery == 0 ? kLogEvery : done() % kLogEvery;
  const double rate = static_cast<double>(o_.batch * steps) / (now - std::exchange(logged_at_, now));
  last_ = recent_.take();
  if (first_.total == 0) first_ = last_;
  log_ << nlohmann::json{{"step", done()},
                         {"seconds", seconds_before_ + now - start_},
                         {"images_per_second", rate},
                         {"lr", trainer_->learning_rate()},
                         {"loss", last_.total},
                         {"content", last_.content},
                         {"style", last_.style},
                         {"tv", last_.tv}}
       << std::endl;
  check(log_.good(), file("log.jsonl"), ": cannot be written: is the disk full?");
  char detail[96];
  std::snprintf(detail, sizeof detail, "%.2f img/s  loss %.4f  content %.4f  style %.4f  tv %.2f", rate, last_.total,
                last_.content, last_.style, last_.tv);
  progress.update(done(), detail);
}

void FaststyleRun::one_step(Progress& progress) {
  const auto bytes = crops_->batch(static_cast<std::uint32_t>(done()), o_.batch);
  const Tensor photos = pixels_of(context_, bytes, o_.batch, o_.crop, o_.crop);  // (N,H,W,3)
  trainer_->step(photos);
  const bool last = done() == o_.trainer.steps;
  if (done() % kLogEvery == 0 || last) log_line(progress);
  if (o_.sample_every && (done() % o_.sample_every == 0 || last)) sample();
  if (done() % o_.save_every == 0 || last) save();
}

int FaststyleRun::run() {
  start_ = logged_at_ = seconds_now();
  Progress progress("step", o_.trainer.steps);
  progress.start_at(done());
  while (done() < o_.trainer.steps) {
    one_step(progress);
    if (interrupted()) {
      save();
      progress.clear();
      std::cerr << "sumi: saved after step " << done() << "; --resume goes on from here\n";
      throw Interrupted{};
    }
  }
  progress.clear();
  std::cout << file("model.safetensors") << "  " << done() << " steps  "
            << duration_text(seconds_before_ + seconds_now() - start_) << std::endl;
  return kDone;
}

}  // namespace

int train_faststyle(const FaststyleRunOptions& options, const ContextPtr& context) {
  try {
    return FaststyleRun(options, context).run();
  } catch (const OutOfMemory& e) {
    fail(e.what(), "; a smaller --batch or --crop needs less");
  }
}

}  // namespace sumi
