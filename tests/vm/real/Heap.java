// SPDX-License-Identifier: GPL-2.0
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A heap full of objects whose content follows from their number: Heap MIB. Obeys lines on standard input, each
 * answered with a line: "collect" (a full collection, which moves what survives), "check" (all content), "churn"
 * (one object in eight is made anew, which leaves holes). The answers begin with a word and end with milliseconds.
 */
public class Heap {
	/** Number, state of its content, and the content; next makes it a graph that a collector has to follow. */
	static final class Thing {
		final long seed;
		final long[] content;
		Thing next;

		Thing(long seed) {
			this.seed = seed;
			content = new long[32 + (int) (seed & 63)];
			long value = seed;
			for (int i = 0; i < content.length; i++)
				content[i] = value = value * 6364136223846793005L + 1442695040888963407L;
		}

		boolean intact() {
			long value = seed;
			for (long found : content)
				if (found != (value = value * 6364136223846793005L + 1442695040888963407L))
					return false;
			return true;
		}
	}

	public static void main(String[] arguments) throws Exception {
		long bytes = Long.parseLong(arguments[0]) << 20;
		Random random = new Random(42);
		List<Thing> things = new ArrayList<>();
		for (long have = 0; have < bytes; have += 8L * things.get(things.size() - 1).content.length + 64)
			things.add(new Thing(random.nextLong()));
		for (Thing thing : things)
			thing.next = things.get(random.nextInt(things.size()));
		System.out.println("ready " + things.size());

		BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = input.readLine()) != null;) {
			long start = System.nanoTime();
			String answer = "done";
			switch (line) {
			case "collect" -> System.gc();
			case "churn" -> {
				for (int i = random.nextInt(8); i < things.size(); i += 8) {
					Thing thing = new Thing(random.nextLong());
					thing.next = things.get(random.nextInt(things.size()));
					things.set(i, thing);
				}
			}
			case "check" -> {
				int damaged = 0;
				for (Thing thing : things)
					if (!thing.intact() || !thing.next.intact())
						damaged++;
				answer = damaged + "-damaged";
			}
			default -> throw new IllegalArgumentException(line);
			}
			System.out.println(answer + " " + (System.nanoTime() - start) / 1000000);
		}
	}
}
