// Query.java: what the JDBC driver makes of queries, for test/t/019_clients.pl
//
//	java -cp postgresql.jar Query.java URL WAY <queries
//
// A query is a line of columns separated by tabs: SQL, and the values of its parameters.
// WAY is simple, prepared (by the server, with its binary forms), wrapped (LIMIT 0 first)
// or cursor. A line for each query: rows separated by the character 30, columns by 31, and
// 0 for NULL; or "error: ".
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

public class Query {
	private static final int TIMES_TO_PREPARE = 2;
	private static final int ROWS_AT_ONCE = 40;

	private final Connection connection;
	private final String way;

	private Query(Connection connection, String way) {
		this.connection = connection;
		this.way = way;
	}

	public static void main(String[] arguments) throws Exception {
		String more = arguments[1].equals("simple") ? "preferQueryMode=simple"
				: arguments[1].equals("prepared") ? "prepareThreshold=1" : "prepareThreshold=5";
		PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

		try (Connection connection = DriverManager.getConnection(arguments[0] + "&" + more)) {
			Query query = new Query(connection, arguments[1]);
			BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

			connection.setAutoCommit(!arguments[1].equals("cursor"));
			for (String line; (line = in.readLine()) != null;)
				out.println(query.answer(line.split("\t", -1)));
		}
		out.flush();
	}

	private String answer(String[] query) throws SQLException {
		try {
			if (!way.equals("wrapped"))
				return rows(query, query[0]);
			String empty = rows(query, "SELECT * FROM (" + query[0] + ") AS wrapped LIMIT 0");
			if (!empty.isEmpty())
				return "error: LIMIT 0 has rows";
			return rows(query, "SELECT * FROM (" + query[0] + ") AS wrapped");
		} catch (SQLException error) {
			if (!connection.getAutoCommit())
				connection.rollback();
			return "error: " + error.getMessage().replace('\n', ' ');
		}
	}

	private String rows(String[] query, String sql) throws SQLException {
		String rows = "";

		try (PreparedStatement statement = connection.prepareStatement(sql)) {
			if (way.equals("cursor"))
				statement.setFetchSize(ROWS_AT_ONCE);
			for (int i = 1; i < query.length; i++)
				statement.setString(i, query[i]);
			for (int i = 0; i < (way.equals("prepared") ? TIMES_TO_PREPARE : 1); i++)
				rows = fetch(statement);
		}
		return rows;
	}

	private static String fetch(PreparedStatement statement) throws SQLException {
		StringBuilder rows = new StringBuilder();

		try (ResultSet result = statement.executeQuery()) {
			int columns = result.getMetaData().getColumnCount();

			while (result.next()) {
				if (rows.length() > 0)
					rows.append('\u001e');
				for (int i = 1; i <= columns; i++) {
					String value = result.getString(i);

					if (i > 1)
						rows.append('\u001f');
					rows.append(value == null ? "\u0000" : value);
				}
			}
		}
		return rows.toString();
	}
}
