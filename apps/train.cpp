// sumi train faststyle: a network that paints in the style of one picture.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "apps/device.h"
#include "apps/faststyle_run.h"
#include "apps/program.h"

namespace sumi {

Command add_train(CLI::App& program) {
  CLI::App* command = program.add_subcommand("train", "Train a network of your own");
  auto kind = std::make_shared<std::string>();
  auto o = std::make_shared<FaststyleRunOptions>();
  auto device = std::make_shared<DeviceOptions>();
  command->add_option("kind", *kind, "what to train: faststyle, a feed-forward network for one style")
      ->required()
      ->check(CLI::IsMember({"faststyle"}));
  command->add_option("--photos", o->photos, "folder of photos to learn on")->required();
  command->add_option("--style", o->style, "the picture whose style is learnt")->required();
  command->add_option("--vgg", o->vgg, "VGG-16 weights (.safetensors)")->required();
  command->add_option("-o,--output", o->folder, "folder for weights, samples and log")->required();
  const auto positive = CLI::Range(1, 100'000'000);
  command->add_option("--steps", o->trainer.steps, "training steps")->check(positive)->capture_default_str();
  command->add_option("--batch", o->batch, "crops a step")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--crop", o->crop, "side of a crop, a multiple of 4")
      ->check(CLI::Range(16, 4096))
      ->capture_default_str();
  command->add_option("--photo-side", o->photo_side, "short side that photos are shrunk to; 0: twice the crop")
      ->check(CLI::Range(0, kLongestSide))
      ->capture_default_str();
  command->add_option("--width", o->trainer.width, "channels of the first layer")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  command->add_option("--style-size", o->style_size, "long side that the style picture is resized to")
      ->check(CLI::Range(16, 4096))
      ->capture_default_str();
  const auto weight = CLI::Range(0.0, 1e12);
  FaststyleTrainerOptions& t = o->trainer;
  command->add_option("--content-weight", t.content_weight, "of the content loss")
      ->check(weight)
      ->capture_default_str();
  command->add_option("--style-weight", t.style_weight, "of the style loss")->check(weight)->capture_default_str();
  command->add_option("--tv-weight", t.tv_weight, "of the total variation")->check(weight)->capture_default_str();
  command->add_option("--lr", o->trainer.lr, "first learning rate")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  command->add_option("--ema", t.ema, "decay of the weights' moving averages, which are saved then, as 0.999; 0: none")
      ->check(CLI::Range(0.0, 0.999999))
      ->capture_default_str();
  command->add_option("--seed", o->trainer.seed, "of weights and crops")->capture_default_str();
  command->add_option("--sample-every", o->sample_every, "steps between sample pictures; 0: none")
      ->check(CLI::Range(0, 100'000'000))
      ->capture_default_str();
  command->add_option("--sample-photo", o->sample_photo, "photo for the samples (default: the first, held out)");
  command->add_option("--save-every", o->save_every, "steps between checkpoints")
      ->check(positive)
      ->capture_default_str();
  command->add_flag("--resume", o->resume, "go on from the checkpoint in the output folder");
  add_precision_option(*command, o->precision, Precisions::of_training);
  add_device_options(*command, *device);
  return [kind, o, device] {
    o->trainer.precision = parse_precision(o->precision);
    return train_faststyle(*o, make_context(*device, o->precision));
  };
}

}  // namespace sumi
