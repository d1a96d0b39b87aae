/*
 * FlinkSql.java - runs statements of Flink SQL, and prints what queries end
 * with.
 *
 *   FlinkSql FILE
 *
 * Statements end with a semicolon at the end of a line.  The changes that a
 * SELECT gives are applied, one to the other, as a table would take them; a
 * row that is withdrawn must be there.  What is left is printed, a row a line,
 * as JSON: how often it is there, and its values as text.  A line "end" stands
 * after each query.
 */
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.TreeMap;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;

public class FlinkSql
{
	/* Of this program alone: what is logged goes elsewhere. */
	static final PrintStream OUT = System.out;

	static String text(Object value)
	{
		if (value == null)
			return "null";
		if (value instanceof byte[])
			return quote(HexFormat.of().formatHex((byte[]) value));
		if (value instanceof BigDecimal)
			return quote(((BigDecimal) value).toPlainString());
		if (value instanceof Object[])
		{
			StringBuilder all = new StringBuilder("[");

			for (Object one : (Object[]) value)
				all.append(all.length() > 1 ? "," : "").append(text(one));
			return all.append("]").toString();
		}
		return quote(value.toString());
	}

	static String quote(String text)
	{
		StringBuilder quoted = new StringBuilder("\"");

		for (char c : text.toCharArray())
			if (c == '"' || c == '\\' || c < ' ' || c > '~')
				quoted.append(String.format("\\u%04x", (int) c));
			else
				quoted.append(c);
		return quoted.append("\"").toString();
	}

	static void print(TableResult result) throws Exception
	{
		TreeMap<String, Integer> rows = new TreeMap<>();
		int[] kinds = new int[RowKind.values().length];

		try (CloseableIterator<Row> changes = result.collect())
		{
			while (changes.hasNext())
			{
				Row row = changes.next();
				Object[] values = new Object[row.getArity()];
				boolean comes = row.getKind() == RowKind.INSERT
					|| row.getKind() == RowKind.UPDATE_AFTER;

				for (int i = 0; i < values.length; i++)
					values[i] = row.getField(i);
				kinds[row.getKind().ordinal()]++;
				rows.merge(text(values), comes ? 1 : -1, Integer::sum);
			}
		}
		rows.forEach((row, count) ->
			{
				if (count != 0)
					OUT.println("[" + count + "," + row + "]");
			});
		OUT.println("end +I " + kinds[0] + " -U " + kinds[1] + " +U "
			+ kinds[2] + " -D " + kinds[3]);
	}

	public static void main(String[] args) throws Exception
	{
		System.setOut(System.err);

		TableEnvironment flink = TableEnvironment.create(
			EnvironmentSettings.newInstance().inStreamingMode().build());

		flink.getConfig().set("parallelism.default", "2");
		flink.getConfig().set("table.local-time-zone", "UTC");
		for (String statement :
			Files.readString(Path.of(args[0])).split(";\\s*\\n"))
		{
			if (statement.isBlank())
				continue;

			TableResult result = flink.executeSql(statement);

			if (statement.strip().startsWith("SELECT"))
				print(result);
		}
		System.exit(0);
	}
}
