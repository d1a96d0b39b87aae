/*
 * ReadBack.java - Kafka Connect's JsonConverter reads records, and writes them
 * again.
 *
 *   ReadBack BOOTSTRAP SCHEMAS TOPIC ...
 *
 * Every key and value of the topics must be accepted, and what the converter
 * makes of it must be the same JSON again; apart from the order of fields
 * without schemas (SCHEMAS is not true), where Connect has Java's maps, and
 * from the spelling of floating point, for which Java does not always find the
 * shortest.  Prints, for each topic, the records and the schemas' names.
 *
 * The converter writes numbers that are not finite as texts.  With schemas it
 * cannot read those again, be they its own: they become 0.  They are counted.
 */
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;

public class ReadBack
{
	static final ObjectMapper MAPPER = new ObjectMapper()
		.enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);

	static int failures, notFinite;

	/* What Connect has of a key or value, or null for a tombstone's. */
	static SchemaAndValue convert(JsonConverter converter, boolean schemas,
		String topic, String where, byte[] data)
	{
		if (data == null)
			return null;
		try
		{
			SchemaAndValue read = converter.toConnectData(topic, data);
			byte[] again = converter.fromConnectData(topic, read.schema(),
				read.value());

			if (read.value() == null || !same(data, again, schemas))
				fail(where, data, "it becomes " + text(again));
			return read;
		}
		catch (Exception e)
		{
			fail(where, data, e.toString());
			return null;
		}
	}

	static boolean same(byte[] a, byte[] b, boolean schemas) throws Exception
	{
		return b != null && (Arrays.equals(a, b)
			|| alike(MAPPER.readTree(a), MAPPER.readTree(b), schemas));
	}

	static boolean alike(JsonNode a, JsonNode b, boolean ordered)
	{
		if (a.isNumber() && b.isNumber())
			return sameNumber(a, b);
		if (ordered && b.isNumber() && b.doubleValue() == 0
			&& List.of("NaN", "Infinity", "-Infinity").contains(a.asText()))
		{
			notFinite++;
			return true;
		}
		if (a.size() != b.size() || a.getNodeType() != b.getNodeType())
			return false;
		if (a.isObject())
		{
			var others = b.fieldNames();

			for (var names = a.fieldNames(); names.hasNext(); )
			{
				String name = names.next();

				if (ordered && !name.equals(others.next())
					|| !b.has(name)
					|| !alike(a.get(name), b.get(name), ordered))
					return false;
			}
			return true;
		}
		if (a.isArray())
		{
			for (int i = 0; i < a.size(); i++)
				if (!alike(a.get(i), b.get(i), ordered))
					return false;
			return true;
		}
		return a.equals(b);
	}

	/* Of few digits it may be one of single precision. */
	static boolean sameNumber(JsonNode a, JsonNode b)
	{
		if (a.isIntegralNumber() && b.isIntegralNumber())
			return a.bigIntegerValue().equals(b.bigIntegerValue());
		return a.doubleValue() == b.doubleValue()
			|| a.decimalValue().precision() <= 9
			&& b.decimalValue().precision() <= 9
			&& a.floatValue() == b.floatValue();
	}

	static String text(byte[] data)
	{
		String text = data == null ? "nothing"
			: new String(data, StandardCharsets.UTF_8);

		int from = text.indexOf("\"payload\":");

		text = from > 0 ? "..." + text.substring(from) : text;
		return text.length() < 800 ? text : text.substring(0, 800) + "...";
	}

	static void fail(String where, byte[] data, String why)
	{
		if (++failures <= 20)
			System.out.println("FAILED " + where + ": of " + text(data)
				+ "\n    " + why);
	}

	public static void main(String[] args)
	{
		boolean schemas = Boolean.parseBoolean(args[1]);
		JsonConverter keys = new JsonConverter();
		JsonConverter values = new JsonConverter();
		Properties p = new Properties();
		Map<String, Long> counts = new TreeMap<>();
		Map<String, TreeSet<String>> names = new TreeMap<>();
		long records = 0, tombstones = 0;

		/* Else it reads the default of a column where null is written. */
		Map<String, Object> with = Map.of("schemas.enable", schemas,
			"replace.null.with.default", false);

		keys.configure(with, true);
		values.configure(with, false);
		p.put("bootstrap.servers", args[0]);
		p.put("isolation.level", "read_committed");
		p.put("auto.offset.reset", "earliest");
		try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p,
			new ByteArrayDeserializer(), new ByteArrayDeserializer()))
		{
			List<TopicPartition> all = new ArrayList<>();

			for (int i = 2; i < args.length; i++)
				for (var info : consumer.partitionsFor(args[i]))
					all.add(new TopicPartition(args[i], info.partition()));
			consumer.assign(all);
			consumer.seekToBeginning(all);

			Map<TopicPartition, Long> ends = consumer.endOffsets(all);

			while (!ends.entrySet().stream().allMatch(
				e -> consumer.position(e.getKey()) >= e.getValue()))
				for (ConsumerRecord<byte[], byte[]> r :
					consumer.poll(Duration.ofMillis(200)))
				{
					String where = r.topic() + "/" + r.partition() + "@"
						+ r.offset();

					convert(keys, schemas, r.topic(), where + " key", r.key());

					SchemaAndValue v = convert(values, schemas, r.topic(),
						where + " value", r.value());

					records++;
					tombstones += r.value() == null ? 1 : 0;
					counts.merge(r.topic(), 1L, Long::sum);
					if (v != null && v.schema() != null)
						names.computeIfAbsent(r.topic(), t -> new TreeSet<>())
							.add(String.valueOf(v.schema().name()));
				}
		}
		for (var e : counts.entrySet())
			System.out.println(e.getKey() + " " + e.getValue() + " "
				+ names.getOrDefault(e.getKey(), new TreeSet<>()));
		System.out.println("records " + records + " tombstones " + tombstones
			+ " failures " + failures
			+ (schemas ? " not finite " + notFinite : ""));
		System.exit(failures == 0 ? 0 : 1);
	}
}
