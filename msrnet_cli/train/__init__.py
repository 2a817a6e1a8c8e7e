"""Training: pairs or scenes in, a network that relights out.

What a user decides
  options       the settings of a run: a record for each part of it
  recipes       named settings
  checks        settings that do not go together
  settings      run.json, and first_format, as the first releases wrote it
  events        what a run tells while it runs

What is learnt
  find          pairs or scenes, found but not yet read
  pairing       pairs of pictures as material
  lighting      scenes in layers as material
  material      what both have in common
  losses        what is made small
  initial       the network before its first step

How
  schedule      what happens when, as data
  learner       one step, and everything that a checkpoint must hold
  optimizers    by name; muon is one of our own
  restoring     tensors of a checkpoint, checked
  processes     several processes that learn together

The run
  loop          trains, in one process or several
  assemble      puts a run together
  run           walks through the plan
  position      where a run is
  feed          the examples of each step, made before they are needed
  meter         what happened since the last report
  validator     tries the network on pictures that it is not trained on
  failures      what went wrong, in words

The folder
  saver         writes checkpoints and weights
  record        what a person looks at, with history, metrics.csv
  cards         what weights say about themselves
  checkpoint    everything that resuming needs, in one file
  resuming      what a run must have in common with the one that it goes on with
  inventory     the files that a run learns from, to know them again
  runs          which runs there are, and what lies where in one
"""
