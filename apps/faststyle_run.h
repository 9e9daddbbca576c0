// One training run of a feed-forward style network: its folder, log, samples and checkpoints.
#pragma once
#include <string>

#include "apps/image.h"
#include "gan/faststyle_trainer.h"

namespace sumi {

struct FaststyleRunOptions {
  std::string photos, style, vgg, folder, sample_photo, precision = "f32";
  FaststyleTrainerOptions trainer;
  int batch = 4, crop = 256, photo_side = 0, style_size = 384, sample_every = 250, save_every = 500;
  bool resume = false;
};

/// Trains, writing into the folder: log.jsonl (one line every 10 steps), sample_NNNNN.png, model.safetensors (f16) and
/// checkpoint.safetensors. On Ctrl-C it saves both files first. Returns the exit code.
int train_faststyle(const FaststyleRunOptions& options, const ContextPtr& context);

}  // namespace sumi
