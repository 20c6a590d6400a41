import { expect, it } from "vitest";
import { isWorthPrinting } from "../../scripts/local/progress";

it.each([
  " +  docker:index:Image cpu creating (0s) Pulling fs layer",
  " +  docker:index:Image cpu creating (12s) Pushing [=====>      ]  9.2MB/104.9MB",
  " +  docker:index:Image cpu creating (0s) digest: sha256:479bb280aa23176169401c9599fb79b0590376c6bad2937e9e33321ec5e59d4f",
  " ~  docker:index:Image api updating (3s) [diff: ~build] Layer already exists",
])("without a terminal, the state of a layer is not printed: %s", (line) => {
  expect(isWorthPrinting(line)).toBe(false);
});

it.each([
  "Updating (local):",
  "",
  "@ updating.....",
  " +  docker:index:Image cpu creating (0s) ",
  " +  docker:index:Image cpu creating (0s) Starting Docker build",
  " ~  docker:index:Image cpu updating (9s) [diff: ~build] Pushing Image to the registry",
  " +  docker:index:Image cpu created (19s) Pushed image with digest sha256:4660b0570a501f32cb230d4f83fe58f345b29c97248e8a17567ffade4a3314d3",
  " +  docker:index:Image cpu creating (9s) error: failed to solve: process did not complete",
  " +  docker:index:Container api created (0.66s) ",
  "    docker:index:Image cpu: no status",
])("without a terminal, all other lines are printed: %s", (line) => {
  expect(isWorthPrinting(line)).toBe(true);
});
