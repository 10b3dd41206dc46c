"""Print training examples of the date model, tab-separated, as `s2sdap.models.bundled` writes them."""

from s2sdap.models.bundled.written_dates import written_dates

for each in written_dates("train", 30, seed=1):
    print(f"{each.text}\t{each.iso}")
