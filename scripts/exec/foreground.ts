import { spawn } from "node:child_process";
import { EXIT } from "../operate/command";

/** Runs a program that uses the terminal. Ctrl-C is for the program. @returns its exit code */
export async function foreground(program: string, args: readonly string[], env = process.env): Promise<number> {
  const ignore = () => undefined;
  process.on("SIGINT", ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      spawn(program, args, { stdio: "inherit", env })
        .once("error", reject)
        .once("exit", (code) => resolve(code ?? EXIT.notOk));
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}
